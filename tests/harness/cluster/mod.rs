//! The Kubernetes cluster that the laws run on, reached with kubectl.

mod kubectl_drain;
mod kubectl_proxy;
mod namespace;
mod object_versions;
mod pod;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::company::{Held, Turn};
use crate::repository;
pub use kubectl_drain::KubectlDrain;
pub use kubectl_proxy::{KubectlProxy, Reply};
pub use namespace::Namespace;
pub use object_versions::ObjectVersions;
pub use pod::Pod;

/// A cluster, and the kubectl that reaches it.
#[derive(Debug, Clone)]
pub struct Cluster {
    access: Arc<Access>,
    /// Whose turn on the machine it is, where proofs share it.
    _turn: Option<Arc<Held>>,
}

#[derive(Debug)]
struct Access {
    kubeconfig: PathBuf,
    kubectl: PathBuf,
}

impl Cluster {
    /// `make cluster`'s, or the user's own where `CLUSTER=existing`.
    pub fn find() -> Result<Self> {
        let existing = env::var_os("CLUSTER").is_some_and(|cluster| cluster == "existing");
        let (kubeconfig, kubectl) = if existing {
            let kubeconfig = env::var_os("KUBECONFIG").context("CLUSTER=existing needs KUBECONFIG")?;
            (PathBuf::from(kubeconfig), PathBuf::from("kubectl"))
        } else {
            let home = repository().join("target/cluster");
            (home.join("kubeconfig"), home.join("bin/kubectl"))
        };
        ensure!(kubeconfig.exists(), "there is no {}: run `make cluster` first", kubeconfig.display());
        Ok(Self { access: Arc::new(Access { kubeconfig, kubectl }), _turn: None })
    }

    /// For a proof that measures how long clients wait, or meddles with nodes: no other runs meanwhile.
    pub async fn alone() -> Result<Self> {
        Self::in_turn(Turn::Alone).await
    }

    /// For any other proof.
    pub async fn beside_others() -> Result<Self> {
        Self::in_turn(Turn::BesideOthers).await
    }

    async fn in_turn(turn: Turn) -> Result<Self> {
        Ok(Self { _turn: Some(Arc::new(Held::wait(turn).await)), ..Self::find()? })
    }

    /// The kubeconfig, for another client than kubectl.
    pub fn kubeconfig(&self) -> &Path {
        &self.access.kubeconfig
    }

    /// Runs kubectl and returns what it printed.
    pub async fn kubectl(&self, args: &[&str]) -> Result<String> {
        self.kubectl_with_input(args, "").await
    }

    /// kubectl, not yet started.
    pub(crate) fn kubectl_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.access.kubectl);
        command.env("KUBECONFIG", &self.access.kubeconfig).args(args).kill_on_drop(true);
        command
    }

    /// Runs kubectl with an input.
    pub async fn kubectl_with_input(&self, args: &[&str], input: &str) -> Result<String> {
        let mut child = self
            .kubectl_command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", self.access.kubectl.display()))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).await?;
        }
        let output = child.wait_with_output().await?;
        if !output.status.success() {
            bail!("kubectl {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Reads objects.
    pub async fn get(&self, args: &[&str]) -> Result<Value> {
        let objects = self.kubectl(&[&["get", "-o", "json"], args].concat()).await?;
        Ok(serde_json::from_str(&objects)?)
    }

    /// A new namespace whose name begins with that word; deleted when dropped.
    pub async fn namespace(&self, word: &str) -> Result<Namespace> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("{word}-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        self.kubectl(&["create", "namespace", &name]).await?;
        Ok(Namespace::own(self.clone(), name))
    }

    /// The names of the nodes that are not cordoned.
    pub async fn nodes(&self) -> Result<Vec<String>> {
        let nodes = self.get(&["nodes"]).await?;
        let open = nodes["items"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|node| node["spec"]["unschedulable"] != Value::Bool(true));
        Ok(open.filter_map(|node| node["metadata"]["name"].as_str()).map(ToOwned::to_owned).collect())
    }
}
