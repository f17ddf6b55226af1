//! A primary and its replicas, with and without Sentinels: the same verbs, and nothing lost.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use stateful_harness::{Cluster, Namespace, Plugin, Server, apply, image, until};

/// Three pods, their volumes, and Sentinels that find each other.
const FORMED_WITHIN: Duration = Duration::from_mins(2);

/// Written before, and read back from whoever leads after.
const WRITTEN: u64 = 500;

#[tokio::test]
async fn upgrade_under_sentinels_loses_nothing() -> Result<()> {
    let cluster = Cluster::beside_others().await?;
    let namespace = cluster.namespace("law-sentinels").await?;
    let plugin = deployed(&cluster, &namespace, "redis-sentinel").await?;
    let three = |status: &Value| status["topology"].as_str().is_some_and(|told| told.contains("3 Sentinels"));
    until("three Sentinels watch", FORMED_WITHIN, async || {
        let status = plugin.run(&["status", "redis", "-o", "json"]).await?.expect(0)?.json()?;
        ensure!(three(&status), "{}", status["topology"]);
        Ok(())
    })
    .await?;
    upgraded(&plugin, &namespace).await
}

#[tokio::test]
async fn upgrade_without_sentinels_loses_nothing_and_leads_clients_to_the_new_primary() -> Result<()> {
    let cluster = Cluster::beside_others().await?;
    let namespace = cluster.namespace("law-replication").await?;
    let plugin = deployed(&cluster, &namespace, "redis-replication").await?;
    upgraded(&plugin, &namespace).await?;
    let primary = leader(&plugin).await?;
    ensure!(primary != "redis-0", "nobody took over");
    let service = namespace.get(&["service", "redis-primary"]).await?;
    let selected = &service["spec"]["selector"]["statefulset.kubernetes.io/pod-name"];
    ensure!(*selected == *primary, "clients are led to {selected}, and {primary} leads");
    Ok(())
}

#[tokio::test]
async fn a_role_that_a_restart_forgets_is_not_handed_over() -> Result<()> {
    let cluster = Cluster::beside_others().await?;
    let namespace = cluster.namespace("law-forgetful").await?;
    let plugin = deployed(&cluster, &namespace, "redis-replication").await?;
    // The same server without its file: what CONFIG REWRITE would record is gone with the pod.
    let command = r#"[{"op":"replace","path":"/spec/template/spec/containers/0/command","value":["sh","-c",
        "f=/tmp/redis.conf; cp /etc/redis/redis.conf $f; [ $(hostname) = redis-0 ] || echo replicaof redis-0.redis 6379 >>$f; exec redis-server $f"]}]"#;
    namespace.kubectl(&["patch", "statefulset", "redis", "--type", "json", "--patch", command]).await?;
    namespace.kubectl(&["rollout", "status", "statefulset/redis", "--timeout", "120s"]).await?;
    until("the reason is the role alone", FORMED_WITHIN, async || {
        let ended = plugin.run(&["upgrade", "redis", "--image", &image("8.0"), "-y"]).await?.expect(3)?;
        ensure!(ended.stderr.contains("(STF-DB-020)"), "{ended}");
        Ok(())
    })
    .await?;
    let set = namespace.get(&["statefulset", "redis"]).await?;
    ensure!(set["spec"]["template"]["spec"]["containers"][0]["image"] == *image("7.0"), "the template was touched");
    Ok(())
}

async fn deployed(cluster: &Cluster, namespace: &Namespace, example: &str) -> Result<Plugin> {
    apply(namespace, example, "7.0").await?;
    let plugin = Plugin::find(cluster)?.within(namespace);
    until("everybody is in sync", FORMED_WITHIN, async || plugin.run(&["check", "redis"]).await?.expect(0).map(drop))
        .await?;
    Ok(plugin)
}

/// Writes, upgrades with the canary, and finds everything again.
async fn upgraded(plugin: &Plugin, namespace: &Namespace) -> Result<()> {
    let mut primary = server(plugin, namespace).await?;
    for number in 0..WRITTEN {
        primary.ask::<()>(&["SET", &format!("law:{number}"), &number.to_string()]).await?;
    }
    let ended = plugin.run(&["upgrade", "redis", "--image", &image("8.0"), "-y", "--canary", "-o", "json"]).await?;
    let report = ended.expect(0)?.json()?;
    let canary = &report["canary"];
    ensure!(canary["acknowledged"].as_u64() > Some(0), "the canary wrote nothing: {canary}");
    ensure!(canary["lost"] == 0 && canary["failed"] == 0, "the canary says {canary}");
    let mut primary = server(plugin, namespace).await?;
    let version = primary.field(&["INFO", "server"], "redis_version").await?;
    ensure!(version.as_ref().is_some_and(|version| version.starts_with("8.")), "the primary says {version:?}");
    for number in 0..WRITTEN {
        let kept: Option<u64> = primary.ask(&["GET", &format!("law:{number}")]).await?;
        ensure!(kept == Some(number), "law:{number} is {kept:?}");
    }
    Ok(())
}

async fn leader(plugin: &Plugin) -> Result<String> {
    let status = plugin.run(&["status", "redis", "-o", "json"]).await?.expect(0)?.json()?;
    let members = status["memberList"].as_array().context("no members")?;
    let leads = members.iter().find(|member| member["role"] == "primary").context("nobody leads")?;
    Ok(leads["name"].as_str().context("it has no name")?.to_owned())
}

async fn server(plugin: &Plugin, namespace: &Namespace) -> Result<Server> {
    let pod = namespace.get(&["pod", &leader(plugin).await?]).await?;
    Server::connect(pod["status"]["podIP"].as_str().context("it has no address")?, None).await
}
