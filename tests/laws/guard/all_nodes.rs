//! Every node is drained at the same time.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use stateful_harness::{Context, Deployment, Engine, KubectlDrain, Load, RedisCluster, nothing_failed, until};

/// A switchover, an eviction, a pod that comes back elsewhere and in sync, for each member of a node; the drain asks every 5 s.
const DRAINED_WITHIN: Duration = Duration::from_mins(4);

pub(crate) async fn draining_all_nodes_at_once_never_costs_a_quorum(context: &mut Context) -> Result<()> {
    let guard = context.guard().await?;
    let redis = context.database::<RedisCluster>("7.0").await?;
    let namespace = redis.namespace();
    guard.watch(namespace).await?;
    let _ = guard.policy(namespace, &json!({"onEviction": "HandOver"})).await?;
    let load = Load::start(&redis.endpoint().await?).await?;
    let (mut drains, mut cordons) = (Vec::new(), Vec::new());
    for node in context.nodes_of_group().await? {
        cordons.push(context.uncordon_afterwards(&node));
        drains.push(KubectlDrain::start(namespace, &node)?);
    }
    // Every node is cordoned, so an evicted pod cannot come back: the drains must come to a stop.
    for drain in &mut drains {
        drain.prints("may not be evicted now", DRAINED_WITHIN).await?;
    }
    until_steady(&redis).await?;
    let ready = redis.pods().await?.iter().filter(|pod| pod.ready).count();
    ensure!(ready >= 3, "only {ready} members are left");
    let during = load.take_figures();
    for cordon in cordons {
        cordon.now().await?;
    }
    // With nodes that take pods the same drains come to their end.
    for drain in drains {
        drain.finish(DRAINED_WITHIN).await?;
    }
    redis.in_sync(DRAINED_WITHIN).await?;
    nothing_failed(&during, &load.stop().await?)
}

/// Waits until three checks in a row, seconds apart, show the same pods.
async fn until_steady(redis: &RedisCluster) -> Result<()> {
    let mut last: Vec<String> = Vec::new();
    let mut same = 0;
    until("no pod changes any more", DRAINED_WITHIN, async || {
        tokio::time::sleep(Duration::from_secs(3)).await; // a drain asks every five seconds
        let now: Vec<String> = redis.pods().await?.into_iter().filter(|pod| pod.ready).map(|pod| pod.uid).collect();
        same = if now == last { same + 1 } else { 0 };
        last = now;
        ensure!(same >= 3, "they changed");
        Ok(())
    })
    .await
}
