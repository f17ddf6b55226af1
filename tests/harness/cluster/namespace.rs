//! A namespace of its own for each law.

use std::env;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use serde_json::{Value, json};

use super::{Cluster, Placement, Pod, Reply};

/// A namespace, deleted when the last clone of this value is dropped. With `KEEP_NAMESPACES` set it stays, for inspection.
#[derive(Debug, Clone)]
pub struct Namespace(Arc<Owned>);

#[derive(Debug)]
struct Owned {
    cluster: Cluster,
    name: String,
    placement: Placement,
}

impl Namespace {
    /// A namespace that exists already, and is this value's to delete.
    pub(super) fn own(cluster: Cluster, name: String, placement: Placement) -> Self {
        Self(Arc::new(Owned { cluster, name, placement }))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The nodes of the databases in it.
    pub(crate) fn placement(&self) -> Placement {
        self.0.placement
    }

    /// The cluster it is in.
    pub fn cluster(&self) -> &Cluster {
        &self.0.cluster
    }

    /// Runs kubectl in it.
    pub async fn kubectl(&self, args: &[&str]) -> Result<String> {
        self.cluster().kubectl(&[&["--namespace", self.name()], args].concat()).await
    }

    /// Reads objects in it.
    pub async fn get(&self, args: &[&str]) -> Result<Value> {
        self.cluster().get(&[&["--namespace", self.name()], args].concat()).await
    }

    /// Its pods that a label selector selects, by name.
    pub async fn pods(&self, selector: &str) -> Result<Vec<Pod>> {
        self.cluster().pods(self.name(), selector).await
    }

    /// The address at which a port of one of its pods is reached from here.
    pub(crate) async fn reach(&self, pod: &Pod, port: u16) -> Result<SocketAddr> {
        self.cluster().reach(self.name(), pod, port).await
    }

    /// One value of a Secret.
    pub async fn secret(&self, name: &str, key: &str) -> Result<String> {
        let secret = self.get(&["secret", name]).await?;
        let value = secret["data"][key].as_str().with_context(|| format!("the Secret {name} has no {key}"))?;
        Ok(String::from_utf8(STANDARD.decode(value)?)?)
    }

    /// Evicts a pod by name, as `kubectl drain` does, and returns the API server's answer, whatever it is.
    pub async fn evict(&self, pod: &str) -> Result<Reply> {
        self.request_eviction(pod, None).await
    }

    /// The same without carrying it out.
    pub async fn evict_dry_run(&self, pod: &str) -> Result<Reply> {
        self.request_eviction(pod, Some(json!({"dryRun": ["All"]}))).await
    }

    async fn request_eviction(&self, pod: &str, options: Option<Value>) -> Result<Reply> {
        let name = self.name();
        let metadata = json!({"name": pod, "namespace": name});
        let mut eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata});
        if let Some(options) = options {
            eviction["deleteOptions"] = options;
        }
        let path = format!("/api/v1/namespaces/{name}/pods/{pod}/eviction");
        self.cluster().send(Method::POST, &path, eviction.to_string()).await
    }

    /// Creates the objects of a manifest in it.
    pub async fn create(&self, manifest: &str) -> Result<String> {
        let args = ["--namespace", self.name(), "create", "--filename", "-"];
        self.cluster().kubectl_with_input(&args, manifest).await
    }
}

impl Drop for Owned {
    /// Requests the deletion and does not wait for it: the next law has a namespace of its own.
    fn drop(&mut self) {
        if env::var_os("KEEP_NAMESPACES").is_some() {
            return;
        }
        let requested = self
            .cluster
            .access
            .kubectl()
            .args(["delete", "namespace", &self.name, "--wait=false", "--ignore-not-found"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        // Where kubectl fails the cluster is gone, and the namespace with it.
        drop(requested);
    }
}
