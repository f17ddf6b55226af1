//! A network that is slow towards one pod, or away from a whole node.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use tokio::process::Command;

use crate::cluster::repository;

/// The port servers send from: what a replica hears from its primary.
const REDIS: &str = "6379";

/// A pod that hears slowly, until told otherwise.
pub struct Throttle {
    node: String,
}

/// Makes what servers send to a pod's address no faster than `rate` (`6000`, bytes a second). Works on the test cluster alone.
pub async fn slow_pod(node: &str, address: &str, rate: &str) -> Result<Throttle> {
    command(&["slow", node, address, rate, REDIS]).await?;
    Ok(Throttle { node: node.to_owned() })
}

impl Throttle {
    /// As fast as before.
    pub async fn end(self) -> Result<()> {
        command(&["fast", &self.node]).await
    }
}

/// A node whose network is unplugged.
pub struct CutOff {
    node: String,
}

/// Unplugs a node's network; what runs there goes on running. Works on the test cluster alone.
pub async fn cut_off(node: &str) -> Result<CutOff> {
    command(&["cut", node, "--no-wait"]).await?;
    Ok(CutOff { node: node.to_owned() })
}

impl CutOff {
    /// Plugs it in again, and waits until the cluster has noticed.
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
