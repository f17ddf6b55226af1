//! A server of an older release cannot read what a newer one wrote, so `rollback` is no way back; what is left is to restore a backup.

use anyhow::{Result, ensure};
use serde_json::Value;
use stateful_harness::{Context, Deployment, ObjectVersions, RedisCluster};

use super::refusals::expect_refusal;

pub(super) async fn an_older_release_is_refused(context: &mut Context) -> Result<()> {
    let redis = upgraded(context).await?;
    let namespace = redis.namespace();
    let plugin = context.plugin(namespace)?;
    expect_refusal(namespace, &plugin, &["upgrade", "redis", "--version", "7.0", "-y"], 3, &["STF-DB-021"]).await?;
    let words = ["STF-DB-021", "nothing to restore", "Jobs"];
    expect_refusal(namespace, &plugin, &["rollback", "redis", "-y"], 3, &words).await.map(drop)
}

/// With a backup, the plan is reported with what it loses. Its steps are printed only where that loss is accepted, and never carried out.
pub(super) async fn a_restore_plan_reports_what_is_lost_and_is_not_carried_out(context: &mut Context) -> Result<()> {
    let redis = upgraded(context).await?;
    let namespace = redis.namespace();
    let plugin = context.plugin(namespace)?;
    let made = "2026-01-01T00:00:00Z";
    let image = RedisCluster::image("7.0");
    let backup = ["create", "cronjob", "redis-backup", "--image", &image, "--schedule", "0 0 1 1 *", "--", "true"];
    namespace.kubectl(&backup).await?;
    let status = format!(r#"{{"status":{{"lastSuccessfulTime":"{made}"}}}}"#);
    namespace
        .kubectl(&["patch", "cronjob", "redis-backup", "--subresource=status", "--type=merge", "-p", &status])
        .await?;
    let words = ["STF-DB-021", "cronjob/redis-backup", made, "kubectl stateful rollback redis", "--accept-data-loss"];
    let ended = expect_refusal(namespace, &plugin, &["rollback", "redis", "-y"], 3, &words).await?;
    ensure!(ended.stdout.is_empty(), "it printed the steps:\n{ended}");
    let before = ObjectVersions::read(namespace).await?;
    let accepted = ["rollback", "redis", "-y", "--accept-data-loss"];
    let ended = plugin.run(&accepted).await?.expect(0)?;
    for word in ["cronjob/redis-backup", made, "redis-restored", "carries out none of them"] {
        ensure!(ended.stdout.contains(word), "\"{word}\" is not printed:\n{ended}");
    }
    let ended = plugin.run(&[&accepted[..], &["-o", "json"]].concat()).await?.expect(0)?;
    let plan: Value = serde_json::from_str(&ended.stdout)?;
    ensure!(plan["made"] == made && plan["losesMilliseconds"].as_i64() > Some(0), "{plan}");
    before.expect_unchanged(namespace).await
}

/// A database that was upgraded from 7.0 to 8.0: by the law before, or now.
async fn upgraded(context: &mut Context) -> Result<RedisCluster> {
    if let Some(redis) = context.left_by_the_law_before::<RedisCluster>("8.0").await {
        return Ok(redis);
    }
    let redis = context.database::<RedisCluster>("7.0").await?;
    context.plugin(redis.namespace())?.run(&["upgrade", "redis", "--version", "8.0", "-y"]).await?.expect(0)?;
    Ok(redis)
}
