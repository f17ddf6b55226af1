//! `kubectl drain`, as everybody runs it: a process that prints, waits, and is ended when a proof is over.

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Child;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::{Cluster, until};

/// Which pods are drained: those of the proof, and nobody else's.
const MEMBERS: &str = "app.kubernetes.io/name in (redis, postgres, mongo)";

/// A drain, running.
pub struct Drain {
    cluster: Cluster,
    node: String,
    child: Child,
    said: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Drain {
    /// Starts `kubectl drain NODE` of the proof's databases.
    pub fn start(cluster: &Cluster, node: &str, more: &[&str]) -> Result<Self> {
        let flags = ["drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--pod-selector", MEMBERS];
        let mut child = cluster.kubectl_command(&[&flags[..], more].concat());
        let mut child = child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let said = Arc::new(Mutex::new(String::new()));
        let out = child.stdout.take().context("a pipe was asked for")?;
        let err = child.stderr.take().context("a pipe was asked for")?;
        let readers = vec![listen(out, Arc::clone(&said)), listen(err, Arc::clone(&said))];
        Ok(Self { cluster: cluster.clone(), node: node.to_owned(), child, said, readers })
    }

    /// All it has printed so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it has printed something that contains `words`.
    pub async fn says(&mut self, words: &str, patience: Duration) -> Result<()> {
        until(&format!("the drain says {words:?}"), patience, async || {
            let said = self.said();
            ensure!(said.contains(words), "it has said:\n{said}");
            Ok(())
        })
        .await
    }

    /// Whether it is still at it.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Waits for its end; it must have succeeded. Returns what it printed.
    pub async fn finish(mut self, patience: Duration) -> Result<String> {
        let Ok(status) = timeout(patience, self.child.wait()).await else {
            bail!("the drain of {} has not ended within {patience:?}:\n{}", self.node, self.said());
        };
        for reader in self.readers.drain(..) {
            reader.await?;
        }
        ensure!(status?.success(), "the drain of {} failed:\n{}", self.node, self.said());
        Ok(self.said())
    }

    /// Waits for its end, whatever it is; the exit code and what it printed.
    pub async fn end(mut self, patience: Duration) -> Result<(Option<i32>, String)> {
        let status = timeout(patience, self.child.wait()).await.context("the drain goes on")??;
        for reader in self.readers.drain(..) {
            reader.await?;
        }
        Ok((status.code(), self.said()))
    }

    /// Ends it where it is.
    pub async fn stop(mut self) -> Result<String> {
        self.child.kill().await?;
        Ok(self.said())
    }

    /// Gives the node back.
    pub async fn uncordon(cluster: &Cluster, node: &str) -> Result<()> {
        cluster.kubectl(&["uncordon", node]).await.map(drop)
    }

    /// The cluster it works on.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }
}

fn listen(pipe: impl AsyncRead + Unpin + Send + 'static, said: Arc<Mutex<String>>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut lines = BufReader::new(pipe).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            said.push_str(&line);
            said.push('\n');
        }
    })
}
