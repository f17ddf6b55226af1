//! A new template whose pods run and never become ready.

use anyhow::{Result, ensure};
use stateful_harness::{Context, Deployment, Engine, Law, Load, Plugin, RedisCluster, law, nothing_failed};

pub(super) fn laws() -> Vec<Law> {
    vec![
        law!(after_a_member_never_became_ready_abort_and_repair_replace_it_with_the_corrected_template),
        law!(after_a_member_never_became_ready_resume_replaces_it_with_the_corrected_template),
    ]
}

async fn after_a_member_never_became_ready_abort_and_repair_replace_it_with_the_corrected_template(
    context: &mut Context,
) -> Result<()> {
    let redis = context.database::<RedisCluster>("7.0").await?;
    let plugin = context.plugin(redis.namespace())?;
    let load = Load::start(&redis.endpoint().await?).await?;
    stops_at_a_member_that_is_never_ready(&redis, &plugin).await?;
    declare_readiness(&redis, "redis").await?;
    plugin.run(&["abort", "redis", "-y"]).await?.expect(0)?;
    plugin.run(&["upgrade", "redis", "--repair", "-y"]).await?.expect(0)?;
    let during = load.take_figures();
    nothing_failed(&during, &load.stop().await?)
}

async fn after_a_member_never_became_ready_resume_replaces_it_with_the_corrected_template(
    context: &mut Context,
) -> Result<()> {
    let redis = context.database::<RedisCluster>("7.0").await?;
    let plugin = context.plugin(redis.namespace())?;
    let load = Load::start(&redis.endpoint().await?).await?;
    stops_at_a_member_that_is_never_ready(&redis, &plugin).await?;
    declare_readiness(&redis, "redis").await?;
    plugin.run(&["resume", "redis", "-y", "--step-timeout", "30s"]).await?.expect(0)?;
    let during = load.take_figures();
    nothing_failed(&during, &load.stop().await?)
}

/// The upgrade ends with exit code 4, reports how to go on, and leaves no member that the controller would replace by itself.
async fn stops_at_a_member_that_is_never_ready(redis: &RedisCluster, plugin: &Plugin) -> Result<()> {
    declare_readiness(redis, "9").await?;
    let stopped = plugin.run(&["upgrade", "redis", "-y", "--step-timeout", "12s"]).await?.expect(4)?;
    ensure!(stopped.stderr.contains("resume"), "it does not report how to go on:\n{stopped}");
    let strategy = redis.namespace().get(&["statefulset", "redis"]).await?["spec"]["updateStrategy"]["type"].clone();
    ensure!(strategy == "OnDelete", "the controller may replace members by itself: {strategy}");
    Ok(())
}

/// Declares a readiness probe of another port, as a repository does: no member is replaced until somebody upgrades.
async fn declare_readiness(redis: &RedisCluster, port: &str) -> Result<()> {
    let port = port.parse::<u16>().map_or_else(|_| format!("\"{port}\""), |port| port.to_string());
    let patch = format!(
        r#"{{"spec":{{"updateStrategy":{{"type":"OnDelete","rollingUpdate":null}},"template":{{"spec":{{"containers":[
            {{"name":"redis","readinessProbe":{{"tcpSocket":{{"port":{port}}}}}}}]}}}}}}}}"#
    );
    redis.namespace().kubectl(&["patch", "statefulset", "redis", "--patch", &patch]).await.map(drop)
}
