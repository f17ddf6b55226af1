//! Redis Cluster 7.0 to 8.0.

use anyhow::Result;
use stateful_harness::{Cluster, Deployment, Engine, Namespace, Plugin, RedisCluster};

use super::{Comparison, IN_SYNC_WITHIN, Upgrade, measured};

pub(super) async fn compare(cluster: &Cluster, plugin: &Plugin) -> Result<Comparison> {
    Ok(Comparison {
        title: "Redis Cluster 7.0 to 8.0",
        about: "Six pods (`examples/redis`), eight writers, a hundred writes a second each, through the cluster client of \
                the `redis` crate with 5 s for a write and its retries.",
        ways: vec![
            (
                "`kubectl stateful upgrade redis --image …:8.0 -y`",
                upgraded(cluster, async |namespace| {
                    let plugin = plugin.clone().within(namespace);
                    plugin
                        .run(&["upgrade", "redis", "--image", &RedisCluster::image("8.0"), "-y"])
                        .await?
                        .expect(0)
                        .map(drop)
                })
                .await?,
            ),
            (
                "`kubectl set image`, `kubectl rollout status`",
                upgraded(cluster, async |namespace| {
                    let new = format!("redis={}", RedisCluster::image("8.0"));
                    super::rolled_out(namespace, "statefulset/redis", &new).await
                })
                .await?,
            ),
        ],
    })
}

async fn upgraded(cluster: &Cluster, by: impl AsyncFnOnce(&Namespace) -> Result<()>) -> Result<Upgrade> {
    let namespace = cluster.namespace("bench-redis").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    measured(redis.endpoint().await?, async || by(&namespace).await, async || redis.in_sync(IN_SYNC_WITHIN).await).await
}
