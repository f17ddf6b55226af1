//! The guard itself goes away.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use stateful_harness::{
    Context, Deployment, Engine, KubectlDrain, Load, Primaries, RedisCluster, nothing_failed, until,
};

/// Both replicas are ready, and have observed the database.
const BACK_WITHIN: Duration = Duration::from_secs(30);

/// A switchover, an eviction, a pod that comes back elsewhere and in sync, for each member of a node; and a replica of the guard.
const DRAINED_WITHIN: Duration = Duration::from_mins(4);

pub(super) async fn without_the_guard_guarded_evictions_are_refused_and_all_else_works(
    context: &mut Context,
) -> Result<()> {
    let guard = context.own_guard().await?;
    let free = context.namespace().await?;
    let redis = context.database::<RedisCluster>("7.0").await?;
    let guarded = redis.namespace();
    guard.watch(guarded).await?;
    let pause = "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"one\"},\"spec\":{\"containers\":\
                 [{\"name\":\"one\",\"image\":\"localhost/stateful/pause:1\"}]}}";
    free.create(pause).await?;
    free.kubectl(&["wait", "pod/one", "--for", "condition=Ready", "--timeout", "60s"]).await?;

    let replica = redis.replica().await?;
    let back = guard.scale(0).await?;
    let reply = guarded.evict(&replica).await?;
    ensure!(reply.status == 500 && reply.body.contains("failed calling webhook"), "{reply:?}");
    let reply = free.evict("one").await?;
    ensure!(reply.status == 201, "an eviction elsewhere: {reply:?}");
    guarded.kubectl(&["create", "configmap", "anything"]).await.context("another object in the namespace")?;
    back.now().await?;
    until("a replica may be evicted again", BACK_WITHIN, async || {
        let reply = guarded.evict_dry_run(&replica).await?;
        ensure!(reply.status == 201, "{reply:?}");
        Ok(())
    })
    .await
}

pub(super) async fn a_replica_killed_under_load_allows_nothing_wrong_and_explains_every_answer(
    context: &mut Context,
) -> Result<()> {
    let guard = context.own_guard().await?;
    let redis = context.database::<RedisCluster>("7.0").await?;
    let namespace = redis.namespace();
    guard.watch(namespace).await?;
    let primary = redis.primaries().await?.remove(0);
    let victim = guard.pods().await?.first().and_then(|pod| pod["metadata"]["name"].as_str().map(ToOwned::to_owned));
    let victim = victim.context("a replica of the guard")?;
    let (mut refused, mut unanswered) = (0_u32, 0_u32);
    for number in 0..400 {
        if number == 50 {
            guard.kill(&victim).await?;
        }
        // The primary is never allowed to go, whichever replica answers.
        let reply = namespace.evict_dry_run(&primary).await?;
        if reply.status == 429 && reply.body.contains("STF-DB-007") {
            refused += 1;
        } else {
            // The API server's answer when its connection to a killed pod breaks: it fails closed, and reports why.
            let explained = reply.status == 500 && reply.body.contains("failed calling webhook");
            ensure!(explained, "without an explanation: {reply:?}");
            unanswered += 1;
        }
    }
    ensure!(refused >= 380, "{refused} were answered, {unanswered} were not");
    guard.ready(2).await
}

pub(super) async fn the_guards_own_node_can_be_drained(context: &mut Context) -> Result<()> {
    let guard = context.own_guard().await?;
    let redis = context.database::<RedisCluster>("7.0").await?;
    let namespace = redis.namespace();
    guard.watch(namespace).await?;
    let _ = guard.policy(namespace, &json!({"onEviction": "HandOver"})).await?;
    context.nodes().await?;
    let load = Load::start(&redis.endpoint().await?).await?;
    let node = guard.pods().await?.first().and_then(|pod| pod["spec"]["nodeName"].as_str().map(ToOwned::to_owned));
    let node = node.context("the guard runs on a node")?;
    let cordon = context.uncordon_afterwards(&node);
    let members = KubectlDrain::start(namespace, &node)?;
    let guards = KubectlDrain::start_selecting(context.cluster(), &node, "app.kubernetes.io/name=stateful-guard")?;
    let (members, guards) = tokio::join!(members.finish(DRAINED_WITHIN), guards.finish(DRAINED_WITHIN));
    cordon.now().await?;
    members?;
    guards?;
    guard.ready(2).await?;
    let during = load.take_figures();
    nothing_failed(&during, &load.stop().await?)
}
