//! An eviction that was allowed and never carried out.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use stateful_harness::{Context, Deployment, KubectlDrain, Namespace, RedisReplication, note, until};

/// The controller that counts for a budget looks at once.
const COUNTED_WITHIN: Duration = Duration::from_secs(30);

/// How long the guard keeps the reservation of an eviction that is not carried out.
const KEPT: Duration = Duration::from_secs(20);

/// That, a drain that asks every five seconds, and a pod that ends.
const FREED_WITHIN: Duration = Duration::from_secs(45);

pub(super) async fn an_eviction_that_was_allowed_and_refused_by_the_budget_frees_itself(
    context: &mut Context,
) -> Result<()> {
    let guard = context.guard().await?;
    let redis = context.database::<RedisReplication>("7.0").await?;
    let namespace = redis.namespace();
    context.spoil_database();
    let (primary, replicas) = (redis.primary().await?, redis.replicas().await?);
    let (one, other) = (replicas[0].as_str(), replicas[1].as_str());
    namespace.create(&budget().to_string()).await?;
    guard.watch(namespace).await?;

    // Before the reservation, which does not last while this law waits for the nodes.
    context.nodes().await?;
    // Another pod, which never becomes ready, counts for the same budget and uses it up.
    namespace.create(&broken().to_string()).await?;
    until_budget_allows(namespace, 0).await?;
    let reply = namespace.evict(one).await?;
    let by_the_budget = reply.body.contains("violate the pod's disruption budget") && !reply.body.contains("STF-");
    ensure!(reply.status == 429 && by_the_budget, "the guard should allow it, and the budget refuse it: {reply:?}");
    let reserved = Instant::now();
    namespace.kubectl(&["delete", "deployment", "broken", "--wait=false"]).await?;
    until_budget_allows(namespace, 1).await?;

    let pod = namespace.get(&["pod", other]).await?;
    let node = pod["spec"]["nodeName"].as_str().context("it has no node")?.to_owned();
    let cordon = context.uncordon_afterwards(&node);
    let mut drain = KubectlDrain::start_pod(namespace, &node, other)?;
    drain.prints(&format!("{other} of {}/redis may not be evicted now: {one}", namespace.name()), KEPT).await?;
    note!("{}", drain.printed());
    drain.finish(FREED_WITHIN).await?;
    let took = reserved.elapsed();
    cordon.now().await?;
    note!("{other} was evicted {took:?} after the eviction of {one} was reserved");
    ensure!(took >= KEPT, "{other} was evicted {took:?} after the eviction of {one} was reserved");
    for stays in [one, &primary] {
        let deleted = &namespace.get(&["pod", stays]).await?["metadata"]["deletionTimestamp"];
        ensure!(deleted.is_null(), "{stays} was evicted as well");
    }
    Ok(())
}

/// Waits until the budget allows so many evictions.
async fn until_budget_allows(namespace: &Namespace, wanted: i64) -> Result<()> {
    until(&format!("the budget allows {wanted}"), COUNTED_WITHIN, async || {
        let budget = namespace.get(&["poddisruptionbudget", "redis"]).await?;
        let (allowed, counted) = (&budget["status"]["disruptionsAllowed"], &budget["status"]["observedGeneration"]);
        ensure!(*allowed == wanted && counted.is_i64(), "it allows {allowed}");
        Ok(())
    })
    .await
}

fn budget() -> Value {
    json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "redis"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app.kubernetes.io/name": "redis"}}}})
}

fn broken() -> Value {
    let labels = json!({"app.kubernetes.io/name": "redis", "part": "broken"});
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "broken"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"part": "broken"}},
            "template": {"metadata": {"labels": labels},
                "spec": {"terminationGracePeriodSeconds": 0,
                    "containers": [{"name": "broken", "image": "localhost/stateful/no-such-image:1"}]}}}})
}
