//! A policy that denies cordons, and the one who has judged what a cordon leads to.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use stateful_harness::{Cluster, Guard, KubectlDrain, Load, Plugin, RedisCluster, nothing_failed, until};

use crate::drains::a_primary;

/// A policy reaches both replicas of the guard by their watches.
const REACHES_ALL_WITHIN: Duration = Duration::from_secs(15);

/// So often in a row both replicas will have been asked.
const IN_A_ROW: usize = 8;

#[tokio::test]
async fn where_cordons_are_denied_our_drain_passes_and_a_plain_cordon_does_not() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-cordon-drain").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    guard.watches(&namespace).await?;
    guard.policy(&namespace, "\"onCordon\":\"Deny\"").await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let load = Load::start(&redis.endpoint()).await?;
    let (_, node) = a_primary(&redis).await?;
    until("both replicas refuse a plain cordon", REACHES_ALL_WITHIN, async || {
        for _ in 0..IN_A_ROW {
            refused(&cluster, &node).await?;
        }
        Ok(())
    })
    .await?;

    let flags = ["-y", "--ignore-daemonsets", "--delete-emptydir-data", "--force"];
    let drain = |more: &'static [&'static str]| [&["drain", node.as_str()], &flags[..], more].concat();
    let rehearsed = plugin.run(&drain(&["--dry-run=server"])).await?;
    let ended = plugin.run(&drain(&[])).await;
    let left = redis.pods().await?.into_iter().filter(|pod| pod.node.as_deref() == Some(node.as_str())).count();
    // First of all: the node belongs to everybody.
    KubectlDrain::uncordon(&cluster, &node).await?;
    rehearsed.expect(0).context("the rehearsal")?;
    let ended = ended?.expect(0)?;
    ensure!(left == 0, "{left} members are still on {node}:\n{ended}");

    // What it was allowed ended with it.
    let (_, node) = a_primary(&redis).await?;
    refused(&cluster, &node).await?;
    guard.forget_policy(&namespace).await?;
    let during = load.take_figures();
    nothing_failed(&during, &load.stop().await?)
}

/// Tries a cordon by somebody who has judged nothing. `kubectl cordon` prints a refusal and ends with 0; a patch ends as
/// it ended.
async fn refused(cluster: &Cluster, node: &str) -> Result<()> {
    let cordon = ["patch", "node", node, "--dry-run=server", "--patch", "{\"spec\":{\"unschedulable\":true}}"];
    let Err(error) = cluster.kubectl(&cordon).await else { bail!("{node} was cordoned") };
    ensure!(format!("{error:#}").contains("STF-"), "{error:#}");
    Ok(())
}
