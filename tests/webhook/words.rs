//! What the real `kubectl drain` prints for each of the guard's answers.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use stateful_harness::{Cluster, Guard, KubectlDrain, RedisCluster, apply, until};

use crate::drains::a_primary;

const SAID_WITHIN: Duration = Duration::from_secs(30);

/// 429: it says why, and that it asks again.
#[tokio::test]
async fn a_drain_that_is_refused_for_now_says_why_and_asks_again() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-words").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    guard.watches(&namespace).await?;
    let (primary, node) = a_primary(&redis).await?;
    let mut drain = KubectlDrain::start(&cluster, &node, &[])?;
    let heard = drain.prints("will retry after 5s", SAID_WITHIN).await;
    let said = drain.stop().await?;
    KubectlDrain::uncordon(&cluster, &node).await?;
    heard?;
    let ns = namespace.name();
    let told = |line: &&str| line.starts_with(&format!("error when evicting pods/\"{primary}\""));
    let line = said.lines().find(told).context(said.clone())?;
    let shard = between(line, "the primary of ", " and takes").context("the shard's name")?;
    let golden = format!(
        "error when evicting pods/\"{primary}\" -n \"{ns}\" (will retry after 5s): admission webhook \
         \"evictions.kubectl-stateful.dev\" denied the request: {primary} of {ns}/redis may not be evicted now: \
         {primary} is the primary of {shard} and takes its writes (STF-DB-007); hand over first: kubectl stateful \
         switchover redis -n {ns} --from {primary}"
    );
    ensure!(line == golden, "kubectl says\n{line}\nand not\n{golden}");
    let warning = format!("Warning: {primary} of {ns}/redis cannot be moved now: {primary} is the primary of {shard}");
    ensure!(said.contains(&warning), "the cordon said nothing of {primary}:\n{said}");
    Ok(())
}

/// 403: it gives up on that pod at once.
#[tokio::test]
async fn a_drain_that_can_never_be_safe_ends_at_once_and_says_what_to_type() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-never").await?;
    apply(&namespace, "redis-replication", "7.0").await?;
    namespace.kubectl(&["scale", "statefulset", "redis", "--replicas", "1"]).await?;
    let node = until("one is left", Duration::from_mins(2), async || {
        let pods = namespace.get(&["pods", "--selector", "app.kubernetes.io/name=redis"]).await?;
        let pods = pods["items"].as_array().context("a list")?.clone();
        ensure!(pods.len() == 1 && pods[0]["status"]["containerStatuses"][0]["ready"] == true, "not yet");
        Ok(pods[0]["spec"]["nodeName"].as_str().context("a node")?.to_owned())
    })
    .await?;
    guard.watches(&namespace).await?;
    let drain = KubectlDrain::start(&cluster, &node, &[])?;
    let ended = drain.end(SAID_WITHIN).await;
    KubectlDrain::uncordon(&cluster, &node).await?;
    let (code, said) = ended?;
    ensure!(code == Some(1), "exit code {code:?}:\n{said}");
    ensure!(said.contains("(STF-DB-022)") && said.contains("kubectl stateful guard approve redis-0"), "{said}");
    ensure!(!said.contains("will retry"), "it asks again:\n{said}");
    Ok(())
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let start = text.find(before)? + before.len();
    let end = text[start..].find(after)? + start;
    Some(&text[start..end])
}
