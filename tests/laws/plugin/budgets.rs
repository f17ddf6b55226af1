//! Disruption budgets that never grant the evictions that an operation needs: known before anything is touched.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use stateful_harness::{Context, Deployment, Namespace, ObjectVersions, RedisReplication, until};

/// The controller that counts for a budget looks at once.
const COUNTED_WITHIN: Duration = Duration::from_secs(30);

pub(super) async fn a_budget_that_never_lets_a_member_go_is_known_before_anything_is_touched(
    context: &mut Context,
) -> Result<()> {
    let redis = context.database::<RedisReplication>("7.0").await?;
    let namespace = redis.namespace();
    context.spoil_database();
    for spec in [json!({"minAvailable": 3}), json!({"minAvailable": "100%"}), json!({"maxUnavailable": 0})] {
        create(namespace, "strict", &spec).await?;
        expect_refused(context, namespace, &["STF-BG-002", "budget strict lets 0 of 3 pods go"]).await?;
        namespace.kubectl(&["delete", "poddisruptionbudget", "strict"]).await?;
    }
    create(namespace, "strict", &json!({"maxUnavailable": 1})).await?;
    create(namespace, "wide", &json!({"minAvailable": 1})).await?;
    expect_refused(context, namespace, &["STF-BG-001", "budgets strict and wide both count pods of redis"]).await?;
    namespace.kubectl(&["delete", "poddisruptionbudget", "wide"]).await?;
    context.plugin(namespace)?.run(&["upgrade", "redis", "--restart", "-y"]).await?.expect(0).map(drop)
}

/// Fails unless `check` and `upgrade` refuse with these words, and nothing is changed.
async fn expect_refused(context: &Context, namespace: &Namespace, words: &[&str]) -> Result<()> {
    let plugin = context.plugin(namespace)?;
    until("the budgets are counted", COUNTED_WITHIN, async || {
        let checked = plugin.run(&["check", "redis"]).await?.expect(3)?;
        ensure!(words.iter().all(|word| checked.to_string().contains(word)), "{checked}");
        Ok(())
    })
    .await?;
    // The members have just come up: what controllers report of them may still change by itself.
    let before = ObjectVersions::read_without_status(namespace).await?;
    let ended = plugin.run(&["upgrade", "redis", "--restart", "-y"]).await?.expect(3)?;
    ensure!(words.iter().all(|word| ended.stderr.contains(word)), "{ended}");
    before.expect_unchanged(namespace).await
}

async fn create(namespace: &Namespace, name: &str, spec: &Value) -> Result<()> {
    let mut spec = spec.clone();
    spec["selector"] = json!({"matchLabels": {"app.kubernetes.io/name": "redis"}});
    let budget =
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec});
    namespace.create(&budget.to_string()).await.map(drop)
}
