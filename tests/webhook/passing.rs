//! Our own verbs pass through the guard like anybody else's; people pass by an approval.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use stateful_harness::{Cluster, Guard, KubectlProxy, Load, Plugin, RedisCluster, apply, image, nothing_failed, until};

#[tokio::test]
async fn an_upgrade_passes_through_the_guard_and_nobody_else_does_meanwhile() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-upgrade").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    guard.watches(&namespace).await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let load = Load::start(&redis.endpoint()).await?;
    let new = image("8.0");
    let mut running = plugin.start(&["upgrade", "redis", "--image", &new, "-y", "--progress", "json"])?;
    running.step_started(2).await?;
    // A member the upgrade has not named: somebody else's eviction of it waits.
    let last = redis.pods().await?.into_iter().rev().find(|pod| pod.image != new).context("an old member")?;
    let reply = KubectlProxy::start(&cluster).await?.evict(&namespace, &last.name, true).await?;
    running.end().await?.expect(0)?;
    ensure!(reply.status == 429 && reply.body.contains("STF-"), "in the middle of an upgrade: {reply:?}");
    let during = load.take_figures();
    nothing_failed(&during, &load.stop().await?)
}

#[tokio::test]
async fn the_only_copy_goes_only_with_an_approval_bound_to_that_very_pod() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-approval").await?;
    apply(&namespace, "redis-replication", "7.0").await?;
    namespace.kubectl(&["scale", "statefulset", "redis", "--replicas", "1"]).await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    until("one is left", Duration::from_mins(2), async || {
        let pods = namespace.get(&["pods", "--selector", "app.kubernetes.io/name=redis"]).await?;
        let pods = pods["items"].as_array().context("a list")?;
        let ready = pods.iter().filter(|pod| pod["status"]["containerStatuses"][0]["ready"] == true).count();
        ensure!(pods.len() == 1 && ready == 1, "there are {}", pods.len());
        Ok(())
    })
    .await?;
    guard.watches(&namespace).await?;
    let proxy = KubectlProxy::start(&cluster).await?;
    let evict = async || proxy.evict(&namespace, "redis-0", false).await;
    let reply = evict().await?;
    ensure!(reply.status == 403 && reply.body.contains("STF-DB-022"), "{reply:?}");
    plugin.run(&["guard", "approve", "redis-0", "--for", "5m", "--reason", "the law says so"]).await?.expect(0)?;
    until("the approval is known", Duration::from_secs(10), async || {
        let reply = evict().await?;
        ensure!(reply.status == 201, "{reply:?}");
        Ok(())
    })
    .await?;
    // The pod that is reborn is another one: the approval was not for it.
    until("it is reborn and refused", Duration::from_mins(2), async || {
        let pod = namespace.get(&["pod", "redis-0"]).await?;
        ensure!(pod["metadata"]["deletionTimestamp"].is_null() && pod["status"]["phase"] == "Running", "not yet");
        let reply = proxy.evict(&namespace, "redis-0", true).await?;
        ensure!(reply.status == 403, "{reply:?}");
        Ok(())
    })
    .await?;
    let events = namespace.kubectl(&["get", "events", "--field-selector", "reason=Bypassed"]).await?;
    ensure!(events.contains("redis-0"), "no Event tells of it:\n{events}");
    Ok(())
}
