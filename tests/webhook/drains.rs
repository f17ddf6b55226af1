//! Plain `kubectl drain`, by somebody who knows nothing of databases.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use stateful_harness::{
    Cluster, Guard, KubectlDrain, KubectlProxy, Load, Namespace, Plugin, Pod, RedisCluster, nothing_failed, slow_pod,
    until,
};

/// A handover, an eviction, a pod reborn elsewhere and in sync, for each member of a node: kubectl asks every 5 s.
const DRAINED_WITHIN: Duration = Duration::from_mins(4);

/// A drain asks every five seconds: after this it has asked and was refused.
const ASKED_WITHIN: Duration = Duration::from_secs(30);

/// Bytes a second a slow replica hears, with the packets' heads: a fraction of what the load writes to a shard, so that it
/// falls behind on a busy machine too.
const LESS_THAN_IS_WRITTEN: &str = "1500";

const HANDOVER: &str = "\"onEviction\":\"HandOver\"";

#[tokio::test]
async fn a_drain_of_a_primary_waits_until_somebody_hands_over() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-waits").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    guard.watches(&namespace).await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let load = Load::start(&redis.endpoint()).await?;
    let (primary, node) = a_primary(&redis).await?;

    let mut drain = KubectlDrain::start(&cluster, &node, &[])?;
    let refused =
        drain.prints(&format!("{primary} of {}/redis may not be evicted now", namespace.name()), ASKED_WITHIN).await;
    let moved = async {
        refused?;
        ensure!(drain.printed().contains("STF-DB-007"), "{}", drain.printed());
        ensure!(
            drain.printed().contains(&format!("kubectl stateful switchover redis -n {}", namespace.name())),
            "{}",
            drain.printed()
        );
        // As the refusal says, for each primary there is on that node.
        // (A replica there may be on its way, and answers again elsewhere.)
        let primaries = until("all answer", ASKED_WITHIN, async || primaries_on(&redis, &node).await).await?;
        for primary in primaries {
            until("the switchover goes", ASKED_WITHIN, async || {
                plugin.run(&["switchover", "redis", "--from", &primary, "-y"]).await?.expect(0).map(drop)
            })
            .await?;
        }
        drain.finish(DRAINED_WITHIN).await
    }
    .await;
    KubectlDrain::uncordon(&cluster, &node).await?;
    moved?;
    nobody_left(&redis, &node).await?;
    let during = load.take_figures();
    nothing_failed(&during, &load.stop().await?)
}

#[tokio::test]
async fn with_handover_a_drain_finishes_alone_and_nothing_fails() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-hands-over").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    guard.watches(&namespace).await?;
    guard.policy(&namespace, HANDOVER).await?;
    let load = Load::start(&redis.endpoint()).await?;
    let (primary, node) = a_primary(&redis).await?;
    let drained = KubectlDrain::start(&cluster, &node, &[])?.finish(DRAINED_WITHIN).await;
    // kubectl asks by name: whoever is late would evict the pod where it lives now.
    let late = KubectlProxy::start(&cluster).await?.evict(&namespace, &primary, false).await;
    KubectlDrain::uncordon(&cluster, &node).await?;
    drained?;
    let late = late?;
    ensure!(late.status == 404 && late.body.contains("it has moved"), "{late:?}");
    nobody_left(&redis, &node).await?;
    let history = Plugin::find(&cluster)?.within(&namespace).run(&["history", "redis"]).await?.expect(0)?;
    ensure!(history.stdout.contains("guard handover"), "the handover is in no journal:\n{}", history.stdout);
    let during = load.take_figures();
    guard.forget_policy(&namespace).await?;
    nothing_failed(&during, &load.stop().await?)
}

#[tokio::test]
async fn while_a_replica_lags_not_one_pod_goes_and_then_the_drain_goes_on() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-lag").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    guard.watches(&namespace).await?;
    guard.policy(&namespace, &format!("{HANDOVER},\"maxLagBytes\":4096")).await?;
    let load = Load::start(&redis.endpoint()).await?;
    let (node, replica) = a_primarys_node_and_a_replica_elsewhere(&redis).await?;
    let (slowed, address) = (replica.node.clone().context("a node")?, replica.address.clone().context("an address")?);
    let before: Vec<String> = redis.pods().await?.into_iter().map(|pod| pod.uid).collect();

    let throttled = slow_pod(&slowed, &address, LESS_THAN_IS_WRITTEN).await?;
    let lagging = async {
        lags(&guard, &namespace, &replica.name).await?;
        let mut drain = KubectlDrain::start(&cluster, &node, &[])?;
        drain.prints("STF-DB-006", ASKED_WITHIN).await?;
        // Two more tries of the drain, all refused.
        let refusals = |drain: &KubectlDrain| drain.printed().matches("may not be evicted now").count();
        let so_far = refusals(&drain);
        until("it has asked twice more", ASKED_WITHIN, async || {
            let (more, goes_on) = (refusals(&drain) - so_far, drain.is_running()?);
            ensure!(more >= 2, "{more} times; goes on: {goes_on}; it has said:\n{}", drain.printed());
            Ok(())
        })
        .await?;
        let now: Vec<String> = redis.pods().await?.into_iter().map(|pod| pod.uid).collect();
        ensure!(now == before, "a pod has gone while the replica lagged");
        Ok(drain)
    }
    .await;
    throttled.end().await?;
    let drained = match lagging {
        Ok(drain) => drain.finish(DRAINED_WITHIN).await.map(drop),
        Err(error) => Err(error),
    };
    KubectlDrain::uncordon(&cluster, &node).await?;
    drained?;
    nobody_left(&redis, &node).await?;
    let during = load.take_figures();
    guard.forget_policy(&namespace).await?;
    nothing_failed(&during, &load.stop().await?)
}

#[tokio::test]
async fn all_nodes_drained_at_once_never_cost_a_quorum() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-all-nodes").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    guard.watches(&namespace).await?;
    guard.policy(&namespace, HANDOVER).await?;
    let load = Load::start(&redis.endpoint()).await?;
    let nodes = cluster.nodes().await?;
    let mut drains = Vec::new();
    for node in &nodes {
        drains.push(KubectlDrain::start(&cluster, node, &[])?);
    }
    // Every node is cordoned, so a pod that goes has nowhere to come back: the drains must come to a stand.
    let stood = async {
        for drain in &mut drains {
            drain.prints("may not be evicted now", DRAINED_WITHIN).await?;
        }
        steady(&redis).await?;
        let masters = redis.pods().await?.iter().filter(|pod| pod.ready).count();
        ensure!(masters >= 3, "only {masters} members are left");
        Ok(())
    }
    .await;
    let during = load.take_figures();
    for node in &nodes {
        KubectlDrain::uncordon(&cluster, node).await?;
    }
    stood?;
    // With somewhere to go the same drains come to their end.
    for drain in drains {
        drain.finish(DRAINED_WITHIN).await?;
    }
    redis.in_sync(DRAINED_WITHIN).await?;
    guard.forget_policy(&namespace).await?;
    nothing_failed(&during, &load.stop().await?)
}

/// Waits until three looks in a row, seconds apart, show the same pods.
async fn steady(redis: &RedisCluster) -> Result<()> {
    let mut last: Vec<String> = Vec::new();
    let mut same = 0;
    until("nothing moves any more", DRAINED_WITHIN, async || {
        tokio::time::sleep(Duration::from_secs(3)).await; // a drain asks every five seconds
        let now: Vec<String> = redis.pods().await?.into_iter().filter(|pod| pod.ready).map(|pod| pod.uid).collect();
        same = if now == last { same + 1 } else { 0 };
        last = now;
        ensure!(same >= 3, "they moved");
        Ok(())
    })
    .await
}

async fn lags(guard: &Guard, namespace: &Namespace, replica: &str) -> Result<()> {
    let line = format!(
        "stateful_guard_replication_lag_bytes{{namespace=\"{}\",workload=\"redis\",member=\"{replica}\"}} ",
        namespace.name()
    );
    until("the replica lags", Duration::from_mins(1), async || {
        for metrics in guard.metrics().await? {
            let lag = metrics.lines().find_map(|told| told.strip_prefix(&line)?.parse::<i64>().ok());
            ensure!(lag > Some(16_384), "it is {lag:?} bytes behind");
        }
        Ok(())
    })
    .await
}

/// A primary, and its node.
pub(crate) async fn a_primary(redis: &RedisCluster) -> Result<(String, String)> {
    let (primary, _) = redis.shards().await?.into_iter().next().context("there is no shard")?;
    let node = redis.pods().await?.into_iter().find(|pod| pod.name == primary).and_then(|pod| pod.node);
    Ok((primary, node.context("it has no node")?))
}

/// A node with a primary, and a replica that lives on another: one that lags may itself go, since all it has others have
/// too, and is reborn where nothing makes it slow. That primary's own replica, unless they live together.
async fn a_primarys_node_and_a_replica_elsewhere(redis: &RedisCluster) -> Result<(String, Pod)> {
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
    let (_, node, replica) = pairs.into_iter().min_by_key(|(strangers, ..)| *strangers).context("three nodes")?;
    Ok((node.context("a node")?, replica))
}

async fn primaries_on(redis: &RedisCluster, node: &str) -> Result<Vec<String>> {
    let pods = redis.pods().await?;
    let there = |name: &String| pods.iter().any(|pod| pod.name == *name && pod.node.as_deref() == Some(node));
    Ok(redis.shards().await?.into_iter().map(|(primary, _)| primary).filter(there).collect())
}

async fn nobody_left(redis: &RedisCluster, node: &str) -> Result<()> {
    let left: Vec<String> =
        redis.pods().await?.into_iter().filter(|pod| pod.node.as_deref() == Some(node)).map(|pod| pod.name).collect();
    ensure!(left.is_empty(), "{left:?} are still on {node}");
    Ok(())
}
