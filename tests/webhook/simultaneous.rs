//! Many at once.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::future::join_all;
use stateful_harness::{Cluster, Guard, KubectlProxy, Namespace, Plugin, Reply, apply, until};

/// Five pods, their volumes, four copies of a database.
const FORMED_WITHIN: Duration = Duration::from_mins(3);

const AT_ONCE: usize = 100;

#[tokio::test]
async fn of_a_hundred_evictions_of_one_database_exactly_one_is_allowed() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-hundred").await?;
    five(&cluster, &namespace).await?;
    guard.watches(&namespace).await?;
    let proxy = KubectlProxy::start(&cluster).await?;
    let before = answered(&guard).await?;
    // Each of its four replicas, again and again, all at the same moment.
    let replicas = ["redis-1", "redis-2", "redis-3", "redis-4"];
    let answers = join_all((0..AT_ONCE).map(async |number| {
        let pod = replicas[number % replicas.len()];
        proxy.evict(&namespace, pod, false).await.map(|reply| (pod, reply))
    }))
    .await;
    let answers: Vec<(&str, Reply)> = answers.into_iter().collect::<Result<_>>()?;
    // The same pod may be evicted again before it is gone: it is being deleted already, and that passes.
    let gone: BTreeSet<&str> = answers.iter().filter(|(_, reply)| reply.status == 201).map(|(pod, _)| *pod).collect();
    ensure!(gone.len() == 1, "{} members were allowed to go: {gone:?}", gone.len());
    for (pod, reply) in answers.iter().filter(|(_, reply)| reply.status != 201) {
        // The API server's own word about the one that was allowed, once it has left.
        if reply.status == 404 && gone.contains(pod) {
            continue;
        }
        // Ours, or the budget's, which is asked after us about the one that was allowed.
        let explained = reply.body.contains("STF-") || reply.body.contains("violate the pod's disruption budget");
        ensure!(reply.status == 429 && explained, "{pod}: nobody can explain {reply:?}");
    }
    let both = answered(&guard).await?.iter().zip(before).filter(|(after, before)| *after > before).count();
    ensure!(both == 2, "only {both} replicas of the guard were asked");
    Ok(())
}

/// How many evictions each replica of the guard has answered.
async fn answered(guard: &Guard) -> Result<Vec<u64>> {
    let count = "stateful_guard_answer_seconds_count{rule=\"eviction\"} ";
    let metrics = guard.metrics().await?;
    let of = |text: &String| text.lines().find_map(|line| line.strip_prefix(count)?.parse().ok()).unwrap_or(0);
    Ok(metrics.iter().map(of).collect())
}

/// A primary and four replicas.
pub(crate) async fn five(cluster: &Cluster, namespace: &Namespace) -> Result<()> {
    apply(namespace, "redis-replication", "7.0").await?;
    namespace.kubectl(&["scale", "statefulset", "redis", "--replicas", "5"]).await?;
    let plugin = Plugin::find(cluster)?.within(namespace);
    until("five are in sync", FORMED_WITHIN, async || {
        plugin.run(&["check", "redis"]).await?.expect(0)?;
        let status = plugin.run(&["status", "redis", "-o", "json"]).await?.expect(0)?.json()?;
        let members = status["memberList"].as_array().context("no members")?.len();
        ensure!(members == 5, "there are {members}");
        Ok(())
    })
    .await
}
