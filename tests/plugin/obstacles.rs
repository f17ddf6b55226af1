//! Something is wrong: with the new image, with a member, or in the middle of it all.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use stateful_harness::{
    Cluster, Load, ObjectVersions, Plugin, RedisCluster, image, nothing_failed, nothing_lost, until,
};

use crate::laws::Laws;

#[tokio::test]
async fn obstacles_stop_an_upgrade_where_it_is_safe() -> Result<()> {
    let cluster = Cluster::beside_others().await?;
    let namespace = cluster.namespace("law-obstacles").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let mut laws = Laws::on(&redis);
    laws.hold("stopped_replica_refuses_with_exit_3", stopped_replica(&redis, &plugin)).await?;
    laws.hold("silent_replica_refuses_with_exit_3", silent_replica(&redis, &plugin)).await?;
    laws.hold("image_that_cannot_be_pulled_stops_with_exit_6_and_rolls_back", no_such_image(&redis, &plugin)).await?;
    let load = Load::start(&redis.endpoint()).await?;
    laws.hold_unsettled("member_never_ready_times_out_with_exit_4", never_ready(&redis, &plugin)).await;
    laws.hold("abort_and_repair_replace_the_broken_member_when_mended", repaired(&redis, &plugin)).await?;
    laws.hold("resume_replaces_the_broken_member_when_mended", resumed(&redis, &plugin)).await?;
    let during = load.take_figures();
    nothing_failed(&during, &load.stop().await?)?;
    laws.verdict()
}

/// A replica whose link to its master is down, as after a changed password.
async fn stopped_replica(redis: &RedisCluster, plugin: &Plugin) -> Result<()> {
    let mut replica = redis.server(&any_replica(redis).await?).await?;
    replica.ask::<String>(&["CONFIG", "SET", "masterauth", "wrong"]).await?;
    replica.ask::<i64>(&["CLIENT", "KILL", "TYPE", "master"]).await?;
    until("its link is down", Duration::from_secs(10), async || {
        let link = replica.field(&["INFO", "replication"], "master_link_status").await?;
        ensure!(link.as_deref() == Some("down"), "it is {link:?}");
        Ok(())
    })
    .await?;
    let refused = refused(redis, plugin, "STF-DB-012").await;
    replica.ask::<String>(&["CONFIG", "SET", "masterauth", redis.password()]).await?;
    refused
}

/// A replica that is there and says nothing.
async fn silent_replica(redis: &RedisCluster, plugin: &Plugin) -> Result<()> {
    let mut replica = redis.server(&any_replica(redis).await?).await?;
    // Longer than the plugin waits for what may pass; nobody can end a pause of everything but time.
    replica.ask::<String>(&["CLIENT", "PAUSE", "15000", "ALL"]).await?;
    refused(redis, plugin, "STF-DB-004").await
}

async fn refused(redis: &RedisCluster, plugin: &Plugin, code: &str) -> Result<()> {
    let before = ObjectVersions::read(redis.namespace()).await?;
    let ended = plugin.run(&["upgrade", "redis", "--image", &image("8.0"), "-y"]).await?.expect(3)?;
    ensure!(ended.stderr.contains(code), "{code} is not said:\n{ended}");
    before.expect_unchanged(redis.namespace()).await
}

async fn no_such_image(redis: &RedisCluster, plugin: &Plugin) -> Result<()> {
    let load = Load::start(&redis.endpoint()).await?;
    let stopped = plugin.run(&["upgrade", "redis", "--image", &image("no-such-tag"), "-y"]).await?.expect(6)?;
    ensure!(stopped.stderr.contains("ImagePull"), "it does not say why:\n{stopped}");
    let masters = redis.pods().await?.into_iter().filter(|pod| pod.image == image("7.0")).count();
    ensure!(masters == 5, "{masters} members were left alone, not 5");
    plugin.run(&["rollback", "redis", "-y"]).await?.expect(0)?;
    for pod in redis.pods().await? {
        ensure!(pod.image == image("7.0"), "{} runs {}", pod.name, pod.image);
    }
    let during = load.take_figures();
    nothing_failed(&during, &load.stop().await?)
}

/// A new template whose pods run and never get ready.
async fn never_ready(redis: &RedisCluster, plugin: &Plugin) -> Result<()> {
    declare(redis, "9").await?;
    let stopped = plugin.run(&["upgrade", "redis", "-y", "--step-timeout", "12s"]).await?.expect(4)?;
    ensure!(stopped.stderr.contains("resume"), "it does not say how to go on:\n{stopped}");
    let strategy = redis.namespace().get(&["statefulset", "redis"]).await?["spec"]["updateStrategy"]["type"].clone();
    ensure!(strategy == "OnDelete", "the controller may replace members by itself: {strategy}");
    Ok(())
}

/// Somebody mends the template; the member that is broken runs the one before. The operation is ended and another begun.
async fn repaired(redis: &RedisCluster, plugin: &Plugin) -> Result<()> {
    declare(redis, "redis").await?;
    plugin.run(&["abort", "redis", "-y"]).await?.expect(0)?;
    plugin.run(&["upgrade", "redis", "--repair", "-y"]).await?.expect(0).map(drop)
}

/// The same, and the operation goes on. Where it does not, the database is mended for the laws to come.
async fn resumed(redis: &RedisCluster, plugin: &Plugin) -> Result<()> {
    never_ready(redis, plugin).await?;
    declare(redis, "redis").await?;
    let resumed = plugin.run(&["resume", "redis", "-y", "--step-timeout", "30s"]).await?.expect(0);
    if resumed.is_err() {
        repaired(redis, plugin).await?;
    }
    resumed.map(drop)
}

/// Declares another readiness probe, the way a repository does: nothing moves until somebody rolls it.
async fn declare(redis: &RedisCluster, port: &str) -> Result<()> {
    let port = port.parse::<u16>().map_or_else(|_| format!("\"{port}\""), |port| port.to_string());
    let patch = format!(
        r#"{{"spec":{{"updateStrategy":{{"type":"OnDelete","rollingUpdate":null}},"template":{{"spec":{{"containers":[
            {{"name":"redis","readinessProbe":{{"tcpSocket":{{"port":{port}}}}}}}]}}}}}}}}"#
    );
    redis.namespace().kubectl(&["patch", "statefulset", "redis", "--patch", &patch]).await.map(drop)
}

#[tokio::test]
async fn member_killed_in_the_middle_still_loses_nothing() -> Result<()> {
    let cluster = Cluster::beside_others().await?;
    let namespace = cluster.namespace("law-killed").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let shards = redis.shards().await?;
    let load = Load::start(&redis.endpoint()).await?;

    let mut running = plugin.start(&["upgrade", "redis", "--image", &image("8.0"), "-y", "--progress=json"])?;
    // The first replica goes; meanwhile another shard's replica crashes, and later a primary's pod is deleted.
    let first = running.step_started(2).await?;
    let moving = |name: &String| first["text"].as_str().is_some_and(|text| text.ends_with(name.as_str()));
    let untouched = shards.iter().find(|(_, replicas)| !replicas.is_empty() && !replicas.iter().any(moving));
    let (primary, replicas) = untouched.context("there are three shards")?.clone();
    let mut replica = redis.server(&replicas[0]).await?;
    // It ends before it can answer.
    drop(replica.ask::<String>(&["SHUTDOWN", "NOSAVE", "NOW", "FORCE"]).await);
    running.step_started(4).await?;
    namespace.kubectl(&["delete", "pod", &primary, "--wait=false"]).await?;

    running.end().await?.expect(0)?;
    for pod in redis.pods().await? {
        ensure!(pod.image == image("8.0"), "{} still runs {}", pod.name, pod.image);
    }
    nothing_lost(&load.stop().await?)
}

async fn any_replica(redis: &RedisCluster) -> Result<String> {
    let shards = redis.shards().await?;
    shards.into_iter().flat_map(|(_, replicas)| replicas).next().context("there is no replica")
}
