//! A namespace of its own for each law.

use std::env;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::Result;
use serde_json::Value;

use super::Cluster;

/// A namespace, deleted when the last clone of this value is dropped. With `KEEP_NAMESPACES` set it stays, for inspection.
#[derive(Debug, Clone)]
pub struct Namespace(Arc<Owned>);

#[derive(Debug)]
struct Owned {
    cluster: Cluster,
    name: String,
}

impl Namespace {
    /// A namespace that exists already, and is this value's to delete.
    pub(super) fn own(cluster: Cluster, name: String) -> Self {
        Self(Arc::new(Owned { cluster, name }))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
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
        let requested = Command::new(&self.cluster.access.kubectl)
            .env("KUBECONFIG", &self.cluster.access.kubeconfig)
            .args(["delete", "namespace", &self.name, "--wait=false", "--ignore-not-found"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        // Where kubectl fails the cluster is gone, and the namespace with it.
        drop(requested);
    }
}
