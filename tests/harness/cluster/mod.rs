//! The Kubernetes cluster that the laws run on, reached with kubectl.

mod api_path;
mod kubectl_drain;
mod kubectl_proxy;
mod namespace;
mod object_versions;
mod placement;
mod pod;
mod port_forwards;
mod socks_proxy;

use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command as BlockingCommand, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, bail, ensure};
use hyper::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::repository;
pub use kubectl_drain::KubectlDrain;
use kubectl_proxy::KubectlProxy;
pub use kubectl_proxy::Reply;
pub use namespace::Namespace;
pub use object_versions::ObjectVersions;
pub(crate) use placement::Placement;
pub use pod::Pod;
use port_forwards::PortForwards;
pub(crate) use socks_proxy::SocksProxy;

/// Whether the cluster is the user's own (`CLUSTER=existing`), and not the one of `make cluster`.
pub(crate) fn is_existing() -> bool {
    env::var_os("CLUSTER").is_some_and(|cluster| cluster == "existing")
}

/// A cluster, and the kubectl that reaches it.
#[derive(Debug, Clone)]
pub struct Cluster {
    access: Arc<Access>,
}

#[derive(Debug)]
struct Access {
    kubeconfig: PathBuf,
    kubectl: PathBuf,
    /// Started with the first request; the error where it could not be.
    proxy: OnceLock<Result<KubectlProxy, String>>,
    /// For a user's own cluster, whose pods may not be reachable by address.
    port_forwards: Option<PortForwards>,
}

impl Access {
    /// kubectl, not yet started, for where nothing is awaited.
    fn kubectl(&self) -> BlockingCommand {
        let mut command = BlockingCommand::new(&self.kubectl);
        command.env("KUBECONFIG", &self.kubeconfig);
        command
    }
}

impl Cluster {
    /// `make cluster`'s, or the user's own where `CLUSTER=existing`.
    pub fn find() -> Result<Self> {
        let (existing, home) = (is_existing(), repository().join("target/cluster"));
        let (mut kubeconfig, mut kubectl) = (home.join("kubeconfig"), home.join("bin/kubectl"));
        if existing {
            kubeconfig = env::var_os("KUBECONFIG").context("CLUSTER=existing needs KUBECONFIG")?.into();
            if !kubectl.exists() {
                kubectl = "kubectl".into();
            }
        }
        ensure!(kubeconfig.exists(), "there is no {}: run `make cluster` first", kubeconfig.display());
        let port_forwards = existing.then(PortForwards::default);
        Ok(Self { access: Arc::new(Access { kubeconfig, kubectl, proxy: OnceLock::new(), port_forwards }) })
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

    /// Reads objects, named as for `kubectl get`: one object, or a list of one or several kinds.
    pub async fn get(&self, args: &[&str]) -> Result<Value> {
        let Some((paths, are_lists)) = api_path::paths(args) else {
            let objects = self.kubectl(&[&["get", "-o", "json"], args].concat()).await?;
            return Ok(serde_json::from_str(&objects)?);
        };
        let mut items = Vec::new();
        for path in &paths {
            let mut object: Value = serde_json::from_str(&self.get_raw(path).await?)?;
            if !are_lists {
                return Ok(object);
            }
            let kind =
                object["kind"].as_str().and_then(|kind| kind.strip_suffix("List")).unwrap_or_default().to_owned();
            // The items of a list do not say of which kind they are.
            for item in object["items"].as_array_mut().into_iter().flatten() {
                item["kind"] = kind.clone().into();
                items.push(item.take());
            }
        }
        Ok(json!({"items": items}))
    }

    /// The pods of a namespace that a label selector selects, by name.
    pub(crate) async fn pods(&self, namespace: &str, selector: &str) -> Result<Vec<Pod>> {
        let list = self.get(&["--namespace", namespace, "pods", "--selector", selector]).await?;
        Ok(list["items"].as_array().into_iter().flatten().map(Pod::from).collect())
    }

    /// Reads what is at a path of the API server.
    pub async fn get_raw(&self, path: &str) -> Result<String> {
        let reply = self.send(Method::GET, path, String::new()).await?;
        ensure!(reply.status == 200, "GET {path}: {}: {}", reply.status, reply.body.trim());
        Ok(reply.body)
    }

    /// Sends a request to the API server.
    pub(crate) async fn send(&self, method: Method, path: &str, body: String) -> Result<Reply> {
        let start = || KubectlProxy::start(&mut self.access.kubectl()).map_err(|error| format!("{error:#}"));
        match self.access.proxy.get_or_init(start) {
            Ok(proxy) => proxy.send(method, path, body).await,
            Err(error) => bail!("kubectl proxy: {error}"),
        }
    }

    /// Whether pods are reached through port-forwards, and not by address.
    pub(crate) fn needs_port_forwards(&self) -> bool {
        self.access.port_forwards.is_some()
    }

    /// The address at which a port of a pod is reached from here: the pod's own, or that of a port-forward.
    pub(crate) async fn reach(&self, namespace: &str, pod: &Pod, port: u16) -> Result<SocketAddr> {
        if let Some(port_forwards) = &self.access.port_forwards {
            return port_forwards.address(self, namespace, pod, port).await;
        }
        let address = pod.address.as_deref().with_context(|| format!("{} has no address", pod.name))?;
        Ok(SocketAddr::new(address.parse()?, port))
    }

    /// A new namespace whose name begins with that word; deleted when dropped.
    pub async fn namespace(&self, word: &str) -> Result<Namespace> {
        self.namespace_on(word, Placement::Shared).await
    }

    /// The same, for databases on those nodes.
    pub(crate) async fn namespace_on(&self, word: &str, placement: Placement) -> Result<Namespace> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("{word}-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        self.kubectl(&["create", "namespace", &name]).await?;
        Ok(Namespace::own(self.clone(), name, placement))
    }
}
