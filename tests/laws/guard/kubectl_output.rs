//! What the real `kubectl drain` prints for each of the guard's answers.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use stateful_harness::{Context, Deployment, KubectlDrain, Primaries, RedisCluster, RedisReplication};

use crate::every_engine::node_of;

/// A drain asks at once; its answer takes as long as an observation of every database at most.
const PRINTED_WITHIN: Duration = Duration::from_secs(30);

/// 429: it prints why, and that it asks again.
pub(super) async fn a_drain_that_is_refused_for_now_reports_why_and_asks_again(context: &mut Context) -> Result<()> {
    let guard = context.guard().await?;
    let redis = context.database::<RedisCluster>("7.0").await?;
    let namespace = redis.namespace();
    guard.watch(namespace).await?;
    context.nodes().await?;
    let primary = redis.primaries().await?.remove(0);
    let node = node_of(&redis, &primary).await?;
    let cordon = context.uncordon_afterwards(&node);
    let mut drain = KubectlDrain::start(namespace, &node)?;
    drain.prints("will retry after 5s", PRINTED_WITHIN).await?;
    let printed = drain.stop().await?;
    cordon.now().await?;
    let ns = namespace.name();
    let is_about_primary = |line: &&str| line.starts_with(&format!("error when evicting pods/\"{primary}\""));
    let line = printed.lines().find(is_about_primary).with_context(|| printed.clone())?;
    let shard = between(line, "the primary of ", " and takes").context("the shard's name")?;
    let golden = format!(
        "error when evicting pods/\"{primary}\" -n \"{ns}\" (will retry after 5s): admission webhook \
         \"evictions.kubectl-stateful.dev\" denied the request: {primary} of {ns}/redis may not be evicted now: \
         {primary} is the primary of {shard} and takes its writes (STF-DB-007); switch over first: kubectl stateful \
         switchover redis -n {ns} --from {primary}"
    );
    ensure!(line == golden, "kubectl prints\n{line}\nand not\n{golden}");
    let warning = format!("Warning: {primary} of {ns}/redis cannot be moved now: {primary} is the primary of {shard}");
    ensure!(printed.contains(&warning), "the cordon printed nothing about {primary}:\n{printed}");
    Ok(())
}

/// 403: it gives up on that pod at once.
pub(super) async fn a_drain_that_can_never_be_safe_ends_at_once_and_reports_what_to_type(
    context: &mut Context,
) -> Result<()> {
    let guard = context.guard().await?;
    let redis = context.deploy(async |namespace| RedisReplication::deploy_members(namespace, "7.0", 1).await).await?;
    let namespace = redis.namespace();
    guard.watch(namespace).await?;
    context.nodes().await?;
    let node = redis.pods().await?.remove(0).node.context("it has a node")?;
    let cordon = context.uncordon_afterwards(&node);
    let (code, printed) = KubectlDrain::start(namespace, &node)?.end(PRINTED_WITHIN).await?;
    cordon.now().await?;
    ensure!(code == Some(1), "exit code {code:?}:\n{printed}");
    ensure!(
        printed.contains("(STF-DB-022)") && printed.contains("kubectl stateful guard approve redis-0"),
        "{printed}"
    );
    ensure!(!printed.contains("will retry"), "it asks again:\n{printed}");
    Ok(())
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let start = text.find(before)? + before.len();
    let end = text[start..].find(after)? + start;
    Some(&text[start..end])
}
