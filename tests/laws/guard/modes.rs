//! What a policy makes of a refusal: enforced, a warning, audited, or not for everybody.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use stateful_harness::{
    Context, Deployment, Guard, Namespace, Primaries, RedisCluster, Reply, until, until_both_replicas,
};

use super::cordons::{REACHES_BOTH_WITHIN, expect_refused};
use crate::every_engine::node_of;

/// The reason for a primary that takes writes.
const PRIMARY: &str = "STF-DB-007";

pub(super) async fn a_policy_decides_whether_refusals_are_enforced_and_for_whom(context: &mut Context) -> Result<()> {
    let guard = context.guard().await?;
    let redis = context.database::<RedisCluster>("7.0").await?;
    let namespace = redis.namespace();
    guard.watch(namespace).await?;
    let primary = redis.primaries().await?.remove(0);
    let user =
        context.cluster().kubectl(&["auth", "whoami", "--output", "jsonpath={.status.userInfo.username}"]).await?;

    let warns = |reply: &Reply| reply.warnings.iter().any(|line| line.contains(PRIMARY));
    expect_answer(namespace, &primary, |reply| reply.status == 429).await.context("without a policy")?;
    let under = async |spec: Value, wanted: &dyn Fn(&Reply) -> bool| {
        let policy = apply(&guard, namespace, &spec).await?;
        expect_answer(namespace, &primary, wanted).await.with_context(|| spec.to_string())?;
        anyhow::Ok(policy)
    };
    let _ = under(json!({"mode": "Warn"}), &|reply| reply.status == 201 && warns(reply)).await?;
    let _ = under(json!({"mode": "Audit"}), &|reply| reply.status == 201 && !warns(reply)).await?;
    let _ = under(json!({"exemptUsers": ["somebody-else"]}), &|reply| reply.status == 429).await?;
    let exempt = json!({"exemptUsers": [user.trim()]});
    under(exempt, &|reply| reply.status == 201 && !warns(reply)).await?.now().await
}

async fn apply(guard: &Guard, namespace: &Namespace, spec: &Value) -> Result<stateful_harness::Undo> {
    guard.policy(namespace, spec).await
}

/// Waits until both replicas answer an eviction, tried as a dry run, in that way.
async fn expect_answer(namespace: &Namespace, pod: &str, wanted: impl Fn(&Reply) -> bool) -> Result<()> {
    until_both_replicas("both replicas answer by the policy", REACHES_BOTH_WITHIN, async || {
        let reply = namespace.evict_dry_run(pod).await?;
        ensure!(wanted(&reply), "{reply:?}");
        Ok(())
    })
    .await
}

pub(super) async fn with_on_cordon_deny_a_node_with_a_primary_is_not_cordoned(context: &mut Context) -> Result<()> {
    let guard = context.guard().await?;
    let redis = context.database::<RedisCluster>("7.0").await?;
    guard.watch(redis.namespace()).await?;
    // Other laws' cordons would be denied as well.
    context.nodes().await?;
    let node = node_of(&redis, &redis.primaries().await?[0]).await?;

    let policy = guard.policy(redis.namespace(), &json!({"onCordon": "Deny"})).await?;
    let cluster = context.cluster();
    until_both_replicas("both replicas refuse the cordon", REACHES_BOTH_WITHIN, async || {
        expect_refused(cluster, &node, PRIMARY).await
    })
    .await?;
    let cordon = context.uncordon_afterwards(&node);
    let is_cordoned = async || anyhow::Ok(cluster.get(&["node", &node]).await?["spec"]["unschedulable"] == true);
    // kubectl prints the refusal and ends with 0.
    cluster.kubectl(&["cordon", &node]).await?;
    ensure!(!is_cordoned().await?, "the node is cordoned");
    policy.now().await?;
    until("without the policy it is cordoned", REACHES_BOTH_WITHIN, async || {
        cluster.kubectl(&["cordon", &node]).await?;
        ensure!(is_cordoned().await?, "it is not");
        Ok(())
    })
    .await?;
    cordon.now().await
}
