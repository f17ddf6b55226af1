//! A running `kubectl drain`: a process that prints, waits, and is ended with the law that started it.

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Child;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::{Cluster, Namespace, overlay, until};

/// A running drain.
pub struct KubectlDrain {
    node: String,
    child: Child,
    printed: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl KubectlDrain {
    /// Starts `kubectl drain NODE` for the pods of one namespace's example: other laws' databases stay where they are.
    pub fn start(namespace: &Namespace, node: &str) -> Result<Self> {
        let pods = format!("{}={}", overlay::LABEL, namespace.name());
        Self::start_selecting(namespace.cluster(), node, &pods)
    }

    /// The same for one pod of the namespace.
    pub fn start_pod(namespace: &Namespace, node: &str, pod: &str) -> Result<Self> {
        let pods = format!("{}={},statefulset.kubernetes.io/pod-name={pod}", overlay::LABEL, namespace.name());
        Self::start_selecting(namespace.cluster(), node, &pods)
    }

    /// The same for the pods that a label selector selects.
    pub fn start_selecting(cluster: &Cluster, node: &str, pods: &str) -> Result<Self> {
        let flags = ["drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--pod-selector", pods];
        let mut child = cluster.kubectl_command(&flags);
        let mut child = child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let printed = Arc::new(Mutex::new(String::new()));
        let out = child.stdout.take().context("a pipe was asked for")?;
        let err = child.stderr.take().context("a pipe was asked for")?;
        let readers = vec![collect(out, Arc::clone(&printed)), collect(err, Arc::clone(&printed))];
        Ok(Self { node: node.to_owned(), child, printed, readers })
    }

    /// All it has printed so far.
    pub fn printed(&self) -> String {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until what it has printed contains `words`.
    pub async fn prints(&mut self, words: &str, patience: Duration) -> Result<()> {
        until(&format!("the drain prints {words:?}"), patience, async || {
            let printed = self.printed();
            ensure!(printed.contains(words), "it has printed:\n{printed}");
            Ok(())
        })
        .await
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Waits for its end and fails unless it succeeded. Returns what it printed.
    pub async fn finish(mut self, patience: Duration) -> Result<String> {
        let Ok(status) = timeout(patience, self.child.wait()).await else {
            bail!("the drain of {} has not ended within {patience:?}:\n{}", self.node, self.printed());
        };
        for reader in self.readers.drain(..) {
            reader.await?;
        }
        ensure!(status?.success(), "the drain of {} failed:\n{}", self.node, self.printed());
        Ok(self.printed())
    }

    /// Waits for its end, failed or not. Returns the exit code and what it printed.
    pub async fn end(mut self, patience: Duration) -> Result<(Option<i32>, String)> {
        let status = timeout(patience, self.child.wait()).await.context("the drain has not ended")??;
        for reader in self.readers.drain(..) {
            reader.await?;
        }
        Ok((status.code(), self.printed()))
    }

    /// Kills it, and returns what it has printed.
    pub async fn stop(mut self) -> Result<String> {
        self.child.kill().await?;
        Ok(self.printed())
    }
}

fn collect(pipe: impl AsyncRead + Unpin + Send + 'static, printed: Arc<Mutex<String>>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut lines = BufReader::new(pipe).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut printed = printed.lock().unwrap_or_else(PoisonError::into_inner);
            printed.push_str(&line);
            printed.push('\n');
        }
    })
}
