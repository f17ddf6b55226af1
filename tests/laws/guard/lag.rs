//! A drain while a replica lags by more than the policy allows.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use stateful_harness::{
    Context, Deployment, Engine, Guard, KubectlDrain, Load, Namespace, Pod, RedisCluster, end_slow_pod, nothing_failed,
    slow_pod, until,
};

use crate::every_engine::expect_left;

/// A switchover, an eviction, a pod that comes back elsewhere and in sync, for each member of a node; the drain asks every 5 s.
const DRAINED_WITHIN: Duration = Duration::from_mins(4);

/// A drain asks every five seconds: after this it has asked and was refused.
const ASKED_WITHIN: Duration = Duration::from_secs(30);

/// The load writes more than the throttle lets through; the rest accumulates.
const LAGS_WITHIN: Duration = Duration::from_mins(1);

/// Bytes a second that a throttled replica receives, with the packets' headers: a fraction of what the load writes to a shard, so that it
/// falls behind on a busy machine too.
const LESS_THAN_IS_WRITTEN: &str = "1500";

/// What the policy allows, in bytes.
const LIMIT: u64 = 4096;

pub(super) async fn while_a_replica_lags_no_pod_is_evicted_and_then_the_drain_continues(
    context: &mut Context,
) -> Result<()> {
    let guard = context.guard().await?;
    let redis = context.database::<RedisCluster>("7.0").await?;
    let namespace = redis.namespace();
    guard.watch(namespace).await?;
    let _ = guard.policy(namespace, &json!({"onEviction": "HandOver", "maxLagBytes": LIMIT})).await?;
    context.nodes().await?;
    let load = Load::start(&redis.endpoint().await?).await?;
    let (node, replica) = choose(&redis).await?;
    let (slowed, address) = (replica.node.clone().context("a node")?, replica.address.clone().context("an address")?);
    let before: Vec<String> = redis.pods().await?.into_iter().map(|pod| pod.uid).collect();

    let throttle = context.undo_afterwards("the replica receives at full speed", {
        let slowed = slowed.clone();
        async move { end_slow_pod(&slowed).await }
    });
    slow_pod(&slowed, &address, LESS_THAN_IS_WRITTEN).await?;
    until_lagging(&guard, namespace, &replica.name).await?;
    let cordon = context.uncordon_afterwards(&node);
    let mut drain = KubectlDrain::start(namespace, &node)?;
    drain.prints("STF-DB-006", ASKED_WITHIN).await?;
    // Two more attempts of the drain, all refused.
    let refusals = |drain: &KubectlDrain| drain.printed().matches("may not be evicted now").count();
    let so_far = refusals(&drain);
    until("it has asked twice more", ASKED_WITHIN, async || {
        let (more, runs) = (refusals(&drain) - so_far, drain.is_running()?);
        ensure!(more >= 2, "{more} times; it runs: {runs}; it has printed:\n{}", drain.printed());
        Ok(())
    })
    .await?;
    let now: Vec<String> = redis.pods().await?.into_iter().map(|pod| pod.uid).collect();
    ensure!(now == before, "a pod was evicted while the replica lagged");
    throttle.now().await?;
    drain.finish(DRAINED_WITHIN).await?;
    expect_left(&redis, &node).await?;
    cordon.now().await?;
    let during = load.take_figures();
    nothing_failed(&during, &load.stop().await?)
}

async fn until_lagging(guard: &Guard, namespace: &Namespace, replica: &str) -> Result<()> {
    let line = format!(
        "stateful_guard_replication_lag_bytes{{namespace=\"{}\",workload=\"redis\",member=\"{replica}\"}} ",
        namespace.name()
    );
    until("the replica lags", LAGS_WITHIN, async || {
        for metrics in guard.metrics().await? {
            let lag = metrics.lines().find_map(|text| text.strip_prefix(&line)?.parse::<i64>().ok());
            ensure!(lag > Some(16_384), "it is {lag:?} bytes behind");
        }
        Ok(())
    })
    .await
}

/// A node with a primary, and a replica on another node: a replica that lags may itself be evicted, since others have all it has, and
/// would come back where nothing slows it. That primary's own replica, unless the two are on one node.
async fn choose(redis: &RedisCluster) -> Result<(String, Pod)> {
    let pods = redis.pods().await?;
    let pod = |name: &String| pods.iter().find(|pod| pod.name == *name).context("a member's pod");
    let shards = redis.shards().await?;
    let mut pairs = Vec::new();
    for (primary, _) in &shards {
        for (other, replicas) in &shards {
            for replica in replicas {
                let (node, replica) = (pod(primary)?.node.clone(), pod(replica)?);
                if node != replica.node {
                    pairs.push((other != primary, node, replica.clone()));
                }
            }
        }
    }
    let (_, node, replica) =
        pairs.into_iter().min_by_key(|(of_other_shard, ..)| *of_other_shard).context("three nodes")?;
    Ok((node.context("a node")?, replica))
}
