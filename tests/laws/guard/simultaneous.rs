//! Many evictions at once.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use futures::future::join_all;
use stateful_harness::{Context, Deployment, Guard, RedisReplication, Reply};

/// How many evictions are requested at the same moment.
const AT_ONCE: usize = 100;

pub(super) async fn of_a_hundred_evictions_of_one_database_exactly_one_is_allowed(context: &mut Context) -> Result<()> {
    let guard = context.guard().await?;
    let redis = context.deploy(async |namespace| RedisReplication::deploy_members(namespace, "7.0", 5).await).await?;
    let namespace = redis.namespace();
    guard.watch(namespace).await?;
    let before = answered(&guard).await?;
    // Each of its four replicas, again and again, all at the same moment.
    let replicas = redis.replicas().await?;
    ensure!(replicas.len() == 4, "{replicas:?}");
    let replies = join_all((0..AT_ONCE).map(async |number| {
        let pod = replicas[number % replicas.len()].as_str();
        namespace.evict(pod).await.map(|reply| (pod, reply))
    }))
    .await;
    let replies: Vec<(&str, Reply)> = replies.into_iter().collect::<Result<_>>()?;
    // The same pod may be evicted again before it is gone: it is being deleted already, and that passes.
    let gone: BTreeSet<&str> = replies.iter().filter(|(_, reply)| reply.status == 201).map(|(pod, _)| *pod).collect();
    ensure!(gone.len() == 1, "{} members were allowed to go: {gone:?}", gone.len());
    for (pod, reply) in replies.iter().filter(|(_, reply)| reply.status != 201) {
        // The API server's own answer about the one that was allowed, once it has left.
        if reply.status == 404 && gone.contains(pod) {
            continue;
        }
        // The guard's answer, or the budget's, which is asked after the guard about the one that was allowed.
        let explained = reply.body.contains("STF-") || reply.body.contains("violate the pod's disruption budget");
        ensure!(reply.status == 429 && explained, "{pod}: without an explanation: {reply:?}");
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
