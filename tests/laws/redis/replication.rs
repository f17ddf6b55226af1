//! A primary and its replicas, with and without Sentinels: the same verbs, and nothing lost.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use stateful_harness::{Context, Deployment, Law, Plugin, RedisReplication, RedisSentinel, law, until};

use super::role_by_ordinal;

/// Sentinels find each other by what they say through the primary.
const FOUND_WITHIN: Duration = Duration::from_mins(2);

/// The Sentinels' own failover timeout. Only after it do they lead a replica that they left with the old primary.
const LED_BY_SENTINELS_AFTER: Duration = Duration::from_mins(3);

/// After a changed command the pods are replaced, and only the role is in doubt.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

/// Written before the upgrade, and read back from the new primary.
const WRITTEN: u64 = 500;

pub(super) fn laws() -> Vec<Law> {
    vec![
        law!(a_primary_whose_role_a_restart_forgets_is_not_switched_over),
        law!(role_by_ordinal::a_role_that_a_start_script_writes_is_not_handed_over),
        law!(an_upgrade_without_sentinels_loses_nothing_and_the_service_selects_the_new_primary),
    ]
}

pub(super) async fn an_upgrade_under_sentinels_loses_nothing(context: &mut Context) -> Result<()> {
    let redis = context.database::<RedisSentinel>("7.0").await?;
    let plugin = context.plugin(redis.namespace())?;
    until("three Sentinels monitor the primary", FOUND_WITHIN, async || {
        let status = plugin.run(&["status", "redis", "-o", "json"]).await?.expect(0)?.json()?;
        let topology = status["topology"].as_str().unwrap_or_default();
        ensure!(topology.contains("3 Sentinels"), "{topology}");
        Ok(())
    })
    .await?;
    let begun = Instant::now();
    loses_nothing_in_an_upgrade(redis.servers(), &plugin).await?;
    let took = begun.elapsed();
    ensure!(took < LED_BY_SENTINELS_AFTER, "it took {took:?}: it waited until the Sentinels led the other replica");
    Ok(())
}

async fn an_upgrade_without_sentinels_loses_nothing_and_the_service_selects_the_new_primary(
    context: &mut Context,
) -> Result<()> {
    let redis = context.database::<RedisReplication>("7.0").await?;
    loses_nothing_in_an_upgrade(&redis, &context.plugin(redis.namespace())?).await?;
    let primary = redis.primary().await?;
    ensure!(primary != "redis-0", "no other member took over");
    let selected = redis.selected_by_service().await?;
    ensure!(selected == primary, "the Service selects {selected}, and {primary} is primary");
    Ok(())
}

async fn a_primary_whose_role_a_restart_forgets_is_not_switched_over(context: &mut Context) -> Result<()> {
    let redis = context.database::<RedisReplication>("7.0").await?;
    let namespace = redis.namespace();
    let plugin = context.plugin(namespace)?;
    context.spoil_database();
    // The same server without its file: what CONFIG REWRITE would record is gone with the pod.
    let command = r#"[{"op":"replace","path":"/spec/template/spec/containers/0/command","value":["sh","-c",
        "f=/tmp/redis.conf; cp /etc/redis/redis.conf $f; [ $(hostname) = redis-0 ] || echo replicaof redis-0.redis 6379 >>$f; exec redis-server $f"]}]"#;
    namespace.kubectl(&["patch", "statefulset", "redis", "--type", "json", "--patch", command]).await?;
    namespace.kubectl(&["rollout", "status", "statefulset/redis", "--timeout", "120s"]).await?;
    let image = RedisReplication::image("8.0");
    until("the only reason is the role", SETTLED_WITHIN, async || {
        let ended = plugin.run(&["upgrade", "redis", "--image", &image, "-y"]).await?.expect(3)?;
        ensure!(ended.stderr.contains("(STF-DB-020)"), "{ended}");
        Ok(())
    })
    .await?;
    let set = namespace.get(&["statefulset", "redis"]).await?;
    let declared = &set["spec"]["template"]["spec"]["containers"][0]["image"];
    ensure!(*declared == *RedisReplication::image("7.0"), "the template was changed");
    Ok(())
}

/// Writes, upgrades with the canary, and reads everything back.
async fn loses_nothing_in_an_upgrade(redis: &RedisReplication, plugin: &Plugin) -> Result<()> {
    let mut primary = redis.server(&redis.primary().await?).await?;
    for number in 0..WRITTEN {
        primary.ask::<()>(&["SET", &format!("law:{number}"), &number.to_string()]).await?;
    }
    let image = RedisReplication::image("8.0");
    let ended = plugin.run(&["upgrade", "redis", "--image", &image, "-y", "--canary", "-o", "json"]).await?;
    let report = ended.expect(0)?.json()?;
    let canary = &report["canary"];
    ensure!(canary["acknowledged"].as_u64() > Some(0), "the canary wrote nothing: {canary}");
    ensure!(canary["lost"] == 0 && canary["failed"] == 0, "the canary reports {canary}");
    let mut primary = redis.server(&redis.primary().await?).await?;
    let version = primary.field(&["INFO", "server"], "redis_version").await?.context("it reports no version")?;
    ensure!(version.starts_with("8."), "the primary reports {version:?}");
    for number in 0..WRITTEN {
        let kept: Option<u64> = primary.ask(&["GET", &format!("law:{number}")]).await?;
        ensure!(kept == Some(number), "law:{number} is {kept:?}");
    }
    Ok(())
}
