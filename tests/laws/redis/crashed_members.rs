//! Members crash in the middle of an upgrade.

use anyhow::{Context as _, Result};
use stateful_harness::{Context, Deployment, Law, Load, RedisCluster, law, nothing_lost};

pub(super) fn laws() -> Vec<Law> {
    vec![law!(members_that_crash_during_an_upgrade_lose_nothing)]
}

async fn members_that_crash_during_an_upgrade_lose_nothing(context: &mut Context) -> Result<()> {
    let redis = context.database::<RedisCluster>("7.0").await?;
    let namespace = redis.namespace();
    let plugin = context.plugin(namespace)?;
    let shards = redis.shards().await?;
    let load = Load::start(&stateful_harness::Engine::endpoint(&redis).await?).await?;

    let image = RedisCluster::image("8.0");
    let mut running = plugin.start(&["upgrade", "redis", "--image", &image, "-y", "--progress=json"])?;
    // The first replica is replaced; meanwhile another shard's replica crashes, and later its primary's pod is deleted.
    let first = running.step_started(2).await?;
    let is_replaced = |name: &String| first["text"].as_str().is_some_and(|text| text.ends_with(name.as_str()));
    let other = shards.iter().find(|(_, replicas)| !replicas.is_empty() && !replicas.iter().any(is_replaced));
    let (primary, replicas) = other.context("there are three shards")?.clone();
    let mut replica = redis.server(&replicas[0]).await?;
    // It ends before it can answer.
    drop(replica.ask::<String>(&["SHUTDOWN", "NOSAVE", "NOW", "FORCE"]).await);
    running.step_started(4).await?;
    namespace.kubectl(&["delete", "pod", &primary, "--wait=false"]).await?;

    running.end().await?.expect(0)?;
    redis.expect_image("8.0").await?;
    nothing_lost(&load.stop().await?)
}
