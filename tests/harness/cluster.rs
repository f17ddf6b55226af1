//! The Kubernetes cluster the proofs run on, and a namespace of its own for each.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command as BlockingCommand, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::company::{Held, Turn};

/// A cluster, and the kubectl that speaks with it.
#[derive(Debug, Clone)]
pub struct Cluster {
    reach: Arc<Reach>,
    /// Whose turn on the machine it is, where proofs share it.
    _turn: Option<Arc<Held>>,
}

#[derive(Debug)]
struct Reach {
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
        Ok(Self { reach: Arc::new(Reach { kubeconfig, kubectl }), _turn: None })
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

    /// The way in, for those who bring their own client.
    pub fn kubeconfig(&self) -> &Path {
        &self.reach.kubeconfig
    }

    /// Runs kubectl and returns what it printed.
    pub async fn kubectl(&self, args: &[&str]) -> Result<String> {
        self.kubectl_with_input(args, "").await
    }

    /// kubectl, not yet started.
    pub(crate) fn kubectl_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.reach.kubectl);
        command.env("KUBECONFIG", &self.reach.kubeconfig).args(args).kill_on_drop(true);
        command
    }

    /// Runs kubectl with something to read.
    pub async fn kubectl_with_input(&self, args: &[&str], input: &str) -> Result<String> {
        let mut child = self
            .kubectl_command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", self.reach.kubectl.display()))?;
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
        let told = self.kubectl(&[&["get", "-o", "json"], args].concat()).await?;
        Ok(serde_json::from_str(&told)?)
    }

    /// A fresh namespace, gone when dropped.
    pub async fn namespace(&self, word: &str) -> Result<Namespace> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("{word}-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        self.kubectl(&["create", "namespace", &name]).await?;
        Ok(Namespace { cluster: self.clone(), name })
    }

    /// The nodes that take pods.
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

/// A namespace that goes when its owner does; with `KEEP_NAMESPACES` set it stays, to be looked at.
#[derive(Debug)]
pub struct Namespace {
    cluster: Cluster,
    name: String,
}

impl Namespace {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cluster it is in.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Runs kubectl in it.
    pub async fn kubectl(&self, args: &[&str]) -> Result<String> {
        self.cluster.kubectl(&[&["--namespace", self.name.as_str()], args].concat()).await
    }

    /// Reads objects in it.
    pub async fn get(&self, args: &[&str]) -> Result<Value> {
        self.cluster.get(&[&["--namespace", self.name.as_str()], args].concat()).await
    }

    /// Creates what a manifest describes, in it.
    pub async fn create(&self, manifest: &str) -> Result<String> {
        let args = ["--namespace", self.name.as_str(), "create", "--filename", "-"];
        self.cluster.kubectl_with_input(&args, manifest).await
    }
}

impl Drop for Namespace {
    /// Asks for it to go and does not wait: the next proof has a namespace of its own.
    fn drop(&mut self) {
        if env::var_os("KEEP_NAMESPACES").is_some() {
            return;
        }
        let asked = BlockingCommand::new(&self.cluster.reach.kubectl)
            .env("KUBECONFIG", &self.cluster.reach.kubeconfig)
            .args(["delete", "namespace", &self.name, "--wait=false", "--ignore-not-found"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        // A cluster that is gone has no namespace left either.
        drop(asked);
    }
}

/// The repository's root.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}
