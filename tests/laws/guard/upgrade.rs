//! The plugin's own operations pass through the guard like any other client's.

use anyhow::{Context as _, Result, ensure};
use stateful_harness::{Context, Deployment, Engine, Load, RedisCluster, nothing_failed};

pub(super) async fn an_upgrade_passes_through_the_guard_and_no_other_eviction_does_meanwhile(
    context: &mut Context,
) -> Result<()> {
    let guard = context.guard().await?;
    let redis = context.database::<RedisCluster>("7.0").await?;
    let namespace = redis.namespace();
    guard.watch(namespace).await?;
    let plugin = context.plugin(namespace)?;
    let load = Load::start(&redis.endpoint().await?).await?;
    let new = RedisCluster::image("8.0");
    let mut running = plugin.start(&["upgrade", "redis", "--image", &new, "-y", "--progress", "json"])?;
    running.step_started(2).await?;
    // A member that the upgrade has not named: another client's eviction of it is refused.
    let last = redis.pods().await?.into_iter().rev().find(|pod| pod.image != new).context("an old member")?;
    let reply = namespace.evict_dry_run(&last.name).await?;
    running.end().await?.expect(0)?;
    ensure!(reply.status == 429 && reply.body.contains("STF-"), "in the middle of an upgrade: {reply:?}");
    let during = load.take_figures();
    nothing_failed(&during, &load.stop().await?)
}
