//! Redis 7.0 to 8.0 under load: by us, and by what everybody does today. Each begins with a fresh cluster.

use std::time::{Duration, Instant};

use anyhow::Result;
use stateful_harness::{Audit, Cluster, Figures, Load, Plugin, RedisCluster, image};
use tokio::time::sleep;

use crate::IDLE;

/// After a rollout the members may still be out of sync; what clients feel then is part of it.
const IN_SYNC_WITHIN: Duration = Duration::from_mins(3);

/// One upgrade.
pub(crate) struct Upgrade {
    /// The same client and load just before, with nothing happening.
    pub(crate) idle: Figures,
    /// From the beginning until everybody was in sync again.
    pub(crate) during: Figures,
    /// How long the command took.
    pub(crate) wall: Duration,
    /// What the database held in the end.
    pub(crate) audit: Audit,
}

pub(crate) async fn by_us(cluster: &Cluster, plugin: &Plugin) -> Result<Upgrade> {
    upgraded(cluster, async |redis| {
        let plugin = plugin.clone().within(redis.namespace());
        plugin.run(&["upgrade", "redis", "--image", &image("8.0"), "-y"]).await?.expect(0)?;
        Ok(())
    })
    .await
}

pub(crate) async fn by_rollout(cluster: &Cluster) -> Result<Upgrade> {
    upgraded(cluster, async |redis| {
        let new = format!("redis={}", image("8.0"));
        redis.namespace().kubectl(&["set", "image", "statefulset/redis", &new]).await?;
        redis.namespace().kubectl(&["rollout", "status", "statefulset/redis", "--timeout", "10m"]).await?;
        Ok(())
    })
    .await
}

async fn upgraded(cluster: &Cluster, by: impl AsyncFnOnce(&RedisCluster<'_>) -> Result<()>) -> Result<Upgrade> {
    let namespace = cluster.namespace("bench-upgrade").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    let load = Load::start(&redis).await?;
    sleep(IDLE).await;
    let idle = load.turn_page();
    let started = Instant::now();
    by(&redis).await?;
    let wall = started.elapsed();
    redis.in_sync(IN_SYNC_WITHIN).await?;
    let during = load.turn_page();
    Ok(Upgrade { idle, during, wall, audit: load.stop().await? })
}

impl std::fmt::Display for Upgrade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { idle, during, wall, audit } = self;
        write!(
            f,
            "{:.1} s, {} writes, {} failed, {} unknown, {} lost, longest gap {:.0} ms ({}), idle {:.0} ms",
            wall.as_secs_f64(),
            during.acknowledged,
            during.failed,
            during.unknown,
            audit.lost.len(),
            during.longest_gap.as_secs_f64() * 1e3,
            during.of_key,
            idle.longest_gap.as_secs_f64() * 1e3,
        )
    }
}
