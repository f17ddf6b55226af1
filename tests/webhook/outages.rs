//! The guard itself goes away.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use stateful_harness::{
    Cluster, GUARD_NAMESPACE, Guard, KubectlDrain, KubectlProxy, Load, RedisCluster, nothing_failed, until,
};

use crate::drains::a_primary;

const BACK_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test]
async fn without_the_guard_guarded_evictions_are_refused_and_all_else_works() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let guarded = cluster.namespace("guard-outage").await?;
    let free = cluster.namespace("guard-free").await?;
    let redis = RedisCluster::deploy(&guarded, "7.0").await?;
    guard.watches(&guarded).await?;
    let pause = "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"one\"},\"spec\":{\"containers\":\
                 [{\"name\":\"one\",\"image\":\"localhost/stateful/pause:1\"}]}}";
    free.create(pause).await?;
    free.kubectl(&["wait", "pod/one", "--for", "condition=Ready", "--timeout", "60s"]).await?;

    let scale = async |replicas: &str| {
        let args = ["scale", "deployment", "stateful-guard", "--namespace", GUARD_NAMESPACE, "--replicas", replicas];
        cluster.kubectl(&args).await
    };
    let proxy = KubectlProxy::start(&cluster).await?;
    scale("0").await?;
    guard.ready(0).await?;
    let asked = async {
        let (_, replicas) = redis.shards().await?.into_iter().next().context("a shard")?;
        let replica = replicas.first().context("a replica")?;
        let reply = proxy.evict(&guarded, replica, false).await?;
        ensure!(reply.status == 500 && reply.body.contains("failed calling webhook"), "{reply:?}");
        let reply = proxy.evict(&free, "one", false).await?;
        ensure!(reply.status == 201, "an eviction elsewhere: {reply:?}");
        guarded.kubectl(&["create", "configmap", "anything"]).await.context("another object in the namespace")
    }
    .await;
    scale("2").await?;
    asked?;
    guard.ready(2).await?;
    until("a replica may be evicted again", BACK_WITHIN, async || {
        let (_, replicas) = redis.shards().await?.into_iter().next().context("a shard")?;
        let reply = proxy.evict(&guarded, replicas.first().context("a replica")?, true).await?;
        ensure!(reply.status == 201, "{reply:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_replica_killed_under_load_allows_nothing_wrong_and_explains_every_answer() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-killed").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    guard.watches(&namespace).await?;
    let (primary, _) = a_primary(&redis).await?;
    let proxy = KubectlProxy::start(&cluster).await?;
    let victim = guard.pods().await?.first().and_then(|pod| pod["metadata"]["name"].as_str().map(ToOwned::to_owned));
    let victim = victim.context("a replica of the guard")?;
    let mut answers = (0_u32, 0_u32);
    for number in 0..400 {
        if number == 50 {
            let kill = ["delete", "pod", &victim, "--namespace", GUARD_NAMESPACE, "--grace-period", "0", "--force"];
            cluster.kubectl(&kill).await?;
        }
        // A primary is never let go, whoever answers.
        let reply = proxy.evict(&namespace, &primary, true).await?;
        if reply.status == 429 && reply.body.contains("STF-DB-007") {
            answers.0 += 1;
        } else {
            // What the API server says when a connection to a pod that is gone breaks: it fails closed, and says so.
            ensure!(
                reply.status == 500 && reply.body.contains("failed calling webhook"),
                "nobody can explain {reply:?}"
            );
            answers.1 += 1;
        }
    }
    ensure!(answers.0 >= 380, "{} were answered, {} were not", answers.0, answers.1);
    guard.ready(2).await
}

#[tokio::test]
async fn the_guards_own_node_can_be_drained() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-moves").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    guard.watches(&namespace).await?;
    guard.policy(&namespace, "\"onEviction\":\"HandOver\"").await?;
    let load = Load::start(&redis.endpoint()).await?;
    let node = guard.pods().await?.first().and_then(|pod| pod["spec"]["nodeName"].as_str().map(ToOwned::to_owned));
    let node = node.context("the guard runs on a node")?;
    let flags = ["--pod-selector", "app.kubernetes.io/name in (redis, stateful-guard)"];
    let drained = KubectlDrain::start(&cluster, &node, &flags)?.finish(Duration::from_mins(4)).await;
    KubectlDrain::uncordon(&cluster, &node).await?;
    drained?;
    guard.ready(2).await?;
    let during = load.take_figures();
    guard.forget_policy(&namespace).await?;
    nothing_failed(&during, &load.stop().await?)
}
