//! Network faults: a slow network towards one pod, or none at all for a node. Work only on the test cluster.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use tokio::process::Command;

use crate::repository;

/// The port that Redis servers send from: what a replica receives from its primary.
const REDIS: &str = "6379";

/// Limits what Redis servers send to a pod's address to `rate` bytes a second (for example `6000`).
pub async fn slow_pod(node: &str, address: &str, rate: &str) -> Result<()> {
    command(&["slow", node, address, rate, REDIS]).await
}

/// Lifts the limit of [`slow_pod`] on a node.
pub async fn end_slow_pod(node: &str) -> Result<()> {
    command(&["fast", node]).await
}

/// Whether [`slow_pod`] is in force on a node.
pub async fn is_slow(node: &str) -> Result<bool> {
    Ok(command(&["is-slow", node]).await.is_ok())
}

/// Unplugs a node's network; its processes go on running.
pub async fn cut_off(node: &str) -> Result<()> {
    command(&["cut", node, "--no-wait"]).await
}

/// Plugs a node's network in again, and waits until the node is Ready.
pub async fn heal(node: &str) -> Result<()> {
    command(&["heal", node]).await
}

async fn command(args: &[&str]) -> Result<()> {
    let script: PathBuf = repository().join("tests/cluster/node");
    let output = Command::new(script).args(args).output().await?;
    ensure!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
