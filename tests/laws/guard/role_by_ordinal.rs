//! A primary that a start script makes the primary: to switch over would make two.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use stateful_harness::{Context, Deployment, RedisReplication, until_both_replicas};

use crate::redis::role_by_ordinal::start_by_ordinal;

/// A database that has just come under guard is looked at, by both replicas.
const LOOKED_AT_WITHIN: Duration = Duration::from_mins(1);

pub(super) async fn with_handover_a_primary_that_may_not_switch_over_stays_and_the_denial_says_why(
    context: &mut Context,
) -> Result<()> {
    let guard = context.guard().await?;
    let redis = context.database::<RedisReplication>("7.0").await?;
    let namespace = redis.namespace();
    context.spoil_database();
    start_by_ordinal(&redis).await?;
    guard.watch(namespace).await?;
    let _ = guard.policy(namespace, &json!({"onEviction": "HandOver"})).await?;
    let primary = redis.primary().await?;
    until_both_replicas("the denial names the script", LOOKED_AT_WITHIN, async || {
        let reply = namespace.evict(&primary).await?;
        let is_told =
            ["(STF-DB-020)", "ConfigMap redis, key start-redis, line 4"].iter().all(|it| reply.body.contains(it));
        ensure!(reply.status == 429 && is_told, "{reply:?}");
        ensure!(!reply.body.contains("switching over") && !reply.body.contains("stateful switchover"), "{reply:?}");
        Ok(())
    })
    .await?;
    ensure!(redis.primary().await? == primary, "the primary moved");
    Ok(())
}
