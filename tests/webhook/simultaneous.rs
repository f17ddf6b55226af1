//! Many at once.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::future::join_all;
use stateful_harness::{Cluster, Guard, Namespace, Plugin, apply, until};

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
    // Each of its four replicas, again and again, all at the same moment, through both replicas of the guard.
    let replicas = ["redis-1", "redis-2", "redis-3", "redis-4"];
    let evictions = (0..AT_ONCE).map(|number| evict(&namespace, replicas[number % replicas.len()]));
    let answers = join_all(evictions).await;
    let allowed: Vec<&String> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    let refused: Vec<String> = answers.iter().filter_map(|answer| answer.as_ref().err()).map(ToString::to_string).collect();
    // The same pod may be evicted twice before it is gone: the second time it is being deleted already, and passes.
    let mut gone: Vec<&str> = allowed.iter().map(|told| told.trim()).collect();
    gone.sort_unstable();
    gone.dedup();
    ensure!(gone.len() == 1, "{} members were allowed to go: {gone:?}", gone.len());
    for why in &refused {
        let expected = why.contains("TooManyRequests") || why.contains("Too Many Requests") || why.contains("denied the request");
        ensure!(expected, "an answer nobody can explain: {why}");
    }
    ensure!(!refused.is_empty(), "nobody was refused");
    Ok(())
}

/// Evicts a pod the way the API has it, and tells its name when that was allowed.
async fn evict(namespace: &Namespace, pod: &str) -> Result<String> {
    let name = namespace.name();
    let body = format!(
        "{{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{{\"name\":\"{pod}\",\"namespace\":\"{name}\"}}}}"
    );
    let path = format!("/api/v1/namespaces/{name}/pods/{pod}/eviction");
    namespace.cluster().kubectl_with_input(&["create", "--raw", &path, "--filename", "-"], &body).await?;
    Ok(pod.to_owned())
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
