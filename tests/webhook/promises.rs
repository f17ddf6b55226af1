//! What was allowed and never happened.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use stateful_harness::{Cluster, Guard, KubectlDrain, KubectlProxy, Namespace, Plugin, apply, until};

/// Three pods, their volumes, two copies of nothing much.
const FORMED_WITHIN: Duration = Duration::from_mins(2);

/// The controller that counts for a budget looks at once.
const COUNTED_WITHIN: Duration = Duration::from_secs(30);

/// How long the guard keeps a promise that nobody makes use of.
const KEPT: Duration = Duration::from_secs(20);

/// That, a drain that asks every five seconds, and a pod that ends.
const FREED_WITHIN: Duration = Duration::from_secs(45);

#[tokio::test]
async fn an_eviction_that_was_allowed_and_refused_by_the_budget_frees_itself() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-promises").await?;
    let (primary, replicas) = three(&cluster, &namespace).await?;
    let (one, other) = (replicas[0].as_str(), replicas[1].as_str());
    namespace.create(&budget().to_string()).await?;
    guard.watches(&namespace).await?;

    // Somebody else's pod that never gets ready counts for the same budget, and uses it up.
    namespace.create(&broken().to_string()).await?;
    allows(&namespace, 0).await?;
    let reply = KubectlProxy::start(&cluster).await?.evict(&namespace, one, false).await?;
    let by_the_budget = reply.body.contains("violate the pod's disruption budget") && !reply.body.contains("STF-");
    ensure!(reply.status == 429 && by_the_budget, "the guard should have allowed it, and the budget not: {reply:?}");
    let promised = Instant::now();
    namespace.kubectl(&["delete", "deployment", "broken", "--wait=false"]).await?;
    allows(&namespace, 1).await?;

    let pod = namespace.get(&["pod", other]).await?;
    let node = pod["spec"]["nodeName"].as_str().context("it has no node")?.to_owned();
    let selector = format!("statefulset.kubernetes.io/pod-name={other}");
    let mut drain = KubectlDrain::start(&cluster, &node, &["--pod-selector", &selector])?;
    let drained = async {
        drain.prints(&format!("{other} of {}/redis may not be evicted now: {one}", namespace.name()), KEPT).await?;
        eprintln!("{}", drain.printed());
        drain.finish(FREED_WITHIN).await
    }
    .await;
    let took = promised.elapsed();
    KubectlDrain::uncordon(&cluster, &node).await?;
    drained?;
    eprintln!("{other} went {took:?} after {one} had been promised");
    ensure!(took >= KEPT, "{other} went {took:?} after {one} had been promised");
    for stays in [one, &primary] {
        let uid = &namespace.get(&["pod", stays]).await?["metadata"]["deletionTimestamp"];
        ensure!(uid.is_null(), "{stays} went as well");
    }
    Ok(())
}

/// A primary and its two replicas, in sync.
async fn three(cluster: &Cluster, namespace: &Namespace) -> Result<(String, Vec<String>)> {
    apply(namespace, "redis-replication", "7.0").await?;
    let plugin = Plugin::find(cluster)?.within(namespace);
    until("three are in sync", FORMED_WITHIN, async || {
        plugin.run(&["check", "redis"]).await?.expect(0)?;
        let status = plugin.run(&["status", "redis", "-o", "json"]).await?.expect(0)?.json()?;
        let members = status["memberList"].as_array().context("no members")?;
        let name = |member: &Value| member["name"].as_str().map(ToOwned::to_owned);
        let (leads, follow): (Vec<&Value>, Vec<&Value>) =
            members.iter().partition(|member| member["role"] == "primary");
        let (leads, follow): (Vec<String>, Vec<String>) =
            (leads.into_iter().filter_map(name).collect(), follow.into_iter().filter_map(name).collect());
        ensure!(leads.len() == 1 && follow.len() == 2, "{leads:?} lead {follow:?}");
        Ok((leads.concat(), follow))
    })
    .await
}

/// Waits until the budget says how many may go.
async fn allows(namespace: &Namespace, wanted: i64) -> Result<()> {
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
                    "containers": [{"name": "broken", "image": "localhost/stateful/nobody:1"}]}}}})
}
