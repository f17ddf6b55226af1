//! An operator passes by an approval.

use std::time::Duration;

use anyhow::{Result, ensure};
use stateful_harness::{Context, Deployment, RedisReplication, until};

/// Both replicas of the guard learn of an approval by their watches.
const KNOWN_WITHIN: Duration = Duration::from_secs(10);

/// A pod that was evicted ends and comes back.
const BACK_WITHIN: Duration = Duration::from_mins(2);

pub(super) async fn the_only_copy_is_evicted_only_with_an_approval_bound_to_that_very_pod(
    context: &mut Context,
) -> Result<()> {
    let guard = context.guard().await?;
    let redis = context.deploy(async |namespace| RedisReplication::deploy_members(namespace, "7.0", 1).await).await?;
    let namespace = redis.namespace();
    let plugin = context.plugin(namespace)?;
    guard.watch(namespace).await?;
    let reply = namespace.evict("redis-0").await?;
    ensure!(reply.status == 403 && reply.body.contains("STF-DB-022"), "{reply:?}");
    plugin.run(&["guard", "approve", "redis-0", "--for", "5m", "--reason", "the law requires it"]).await?.expect(0)?;
    until("the approval is known", KNOWN_WITHIN, async || {
        let reply = namespace.evict("redis-0").await?;
        ensure!(reply.status == 201, "{reply:?}");
        Ok(())
    })
    .await?;
    // The pod that comes back is another one: the approval was not for it.
    until("the new pod is refused", BACK_WITHIN, async || {
        let pod = namespace.get(&["pod", "redis-0"]).await?;
        ensure!(pod["metadata"]["deletionTimestamp"].is_null() && pod["status"]["phase"] == "Running", "not yet");
        let reply = namespace.evict_dry_run("redis-0").await?;
        ensure!(reply.status == 403, "{reply:?}");
        Ok(())
    })
    .await?;
    let events = namespace.kubectl(&["get", "events", "--field-selector", "reason=Bypassed"]).await?;
    ensure!(events.contains("redis-0"), "no Event records it:\n{events}");
    Ok(())
}
