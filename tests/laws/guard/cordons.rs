//! A policy that denies cordons, and the plugin's drain, which has judged what a cordon leads to.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use stateful_harness::{
    Cluster, Context, Deployment, Engine, Load, Primaries, RedisCluster, nothing_failed, until_both_replicas,
};

use crate::every_engine::{expect_left, node_of};

/// A policy reaches both replicas of the guard by their watches.
pub(super) const REACHES_BOTH_WITHIN: Duration = Duration::from_secs(15);

pub(crate) async fn where_cordons_are_denied_our_drain_passes_and_a_plain_cordon_does_not(
    context: &mut Context,
) -> Result<()> {
    let guard = context.guard().await?;
    let redis = context.database::<RedisCluster>("7.0").await?;
    let namespace = redis.namespace();
    guard.watch(namespace).await?;
    let policy = guard.policy(namespace, &json!({"onCordon": "Deny"})).await?;
    let plugin = context.plugin(namespace)?;
    let load = Load::start(&redis.endpoint().await?).await?;
    let node = node_of(&redis, &redis.primaries().await?[0]).await?;
    until_both_replicas("both replicas refuse a plain cordon", REACHES_BOTH_WITHIN, async || {
        expect_refused(context.cluster(), &node, "STF-").await
    })
    .await?;

    let flags = ["-y", "--ignore-daemonsets", "--delete-emptydir-data", "--force"];
    let drain = |more: &'static [&'static str]| [&["drain", node.as_str()], &flags[..], more].concat();
    let cordon = context.uncordon_afterwards(&node);
    plugin.run(&drain(&["--dry-run=server"])).await?.expect(0).context("the dry run")?;
    plugin.run(&drain(&[])).await?.expect(0)?;
    expect_left(&redis, &node).await?;
    cordon.now().await?;

    // What the drain was allowed ended with it.
    let node = node_of(&redis, &redis.primaries().await?[0]).await?;
    expect_refused(context.cluster(), &node, "STF-").await?;
    policy.now().await?;
    let during = load.take_figures();
    nothing_failed(&during, &load.stop().await?)
}

/// Tries a plain cordon, and fails unless it is refused with that code. `kubectl cordon` prints a refusal and ends with 0, so it is a
/// patch, which ends with an error.
pub(super) async fn expect_refused(cluster: &Cluster, node: &str, code: &str) -> Result<()> {
    let cordon = ["patch", "node", node, "--dry-run=server", "--patch", "{\"spec\":{\"unschedulable\":true}}"];
    let Err(error) = cluster.kubectl(&cordon).await else { bail!("{node} was cordoned") };
    ensure!(format!("{error:#}").contains(code), "{error:#}");
    Ok(())
}
