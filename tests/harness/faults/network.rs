//! Network faults: a slow network towards one pod, or none at all for a node. Work only on the test cluster.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use tokio::process::Command;

use crate::repository;

/// The port that Redis servers send from: what a replica receives from its primary.
const REDIS: &str = "6379";

/// A pod that receives slowly until [`Throttle::end`].
pub struct Throttle {
    node: String,
}

/// Limits what Redis servers send to a pod's address to `rate` bytes a second (for example `6000`).
pub async fn slow_pod(node: &str, address: &str, rate: &str) -> Result<Throttle> {
    command(&["slow", node, address, rate, REDIS]).await?;
    Ok(Throttle { node: node.to_owned() })
}

impl Throttle {
    /// Lifts the limit.
    pub async fn end(self) -> Result<()> {
        command(&["fast", &self.node]).await
    }
}

/// A node whose network is unplugged until [`CutOff::heal`].
pub struct CutOff {
    node: String,
}

/// Unplugs a node's network; its processes go on running.
pub async fn cut_off(node: &str) -> Result<CutOff> {
    command(&["cut", node, "--no-wait"]).await?;
    Ok(CutOff { node: node.to_owned() })
}

impl CutOff {
    /// Plugs it in again, and waits until the node is Ready.
    pub async fn heal(self) -> Result<()> {
        command(&["heal", &self.node]).await
    }
}

async fn command(args: &[&str]) -> Result<()> {
    let script: PathBuf = repository().join("tests/cluster/node");
    let output = Command::new(script).args(args).output().await?;
    ensure!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
