//! A user with just the rights that `rbac` prints, and one right fewer.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use stateful_harness::{Cluster, Namespace, ObjectVersions, Plugin, RedisCluster, image, until};

use crate::laws::Laws;

const USER: &str = "limited@example.com";

#[tokio::test]
async fn the_rights_printed_are_enough_and_each_is_needed() -> Result<()> {
    let cluster = Cluster::beside_others().await?;
    let namespace = cluster.namespace("law-rights").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let printed = plugin.run(&["rbac", "upgrade"]).await?.expect(0)?.stdout;
    let role = as_json(&cluster, &printed).await?;
    bind(&namespace, &role).await?;

    let mut laws = Laws::on(&redis);
    for (rule, verb) in verbs(&role) {
        let law =
            format!("without_{verb}_{}_nothing_begins", role["rules"][rule]["resources"][0].as_str().unwrap_or("?"));
        laws.hold(&law, without(&redis, &plugin, &role, rule, &verb)).await?;
    }
    grant(&namespace, &role).await?;
    laws.hold("without_the_secret_nothing_begins", without_secret(&redis, &plugin)).await?;
    grant(&namespace, &with_secret(&role)).await?;
    laws.hold("the_rights_printed_are_enough", enough(&plugin)).await?;
    laws.verdict()
}

/// Every rule and verb of a role.
fn verbs(role: &Value) -> Vec<(usize, String)> {
    let rules = role["rules"].as_array().into_iter().flatten().enumerate();
    rules
        .flat_map(|(index, rule)| {
            let verbs = rule["verbs"].as_array().into_iter().flatten();
            verbs.filter_map(move |verb| Some((index, verb.as_str()?.to_owned())))
        })
        .collect()
}

async fn without(redis: &RedisCluster, plugin: &Plugin, role: &Value, rule: usize, verb: &str) -> Result<()> {
    let mut fewer = with_secret(role);
    let resource = fewer["rules"][rule]["resources"][0].as_str().unwrap_or_default().to_owned();
    let verbs = fewer["rules"][rule]["verbs"].as_array_mut().context("a rule has verbs")?;
    verbs.retain(|kept| kept != verb);
    if verbs.is_empty() {
        fewer["rules"].as_array_mut().context("a role has rules")?.remove(rule); // a rule without verbs is no rule
    }
    grant(redis.namespace(), &fewer).await?;
    let named = format!("{verb} {resource}");
    refused(redis, plugin, &[&named]).await
}

async fn without_secret(redis: &RedisCluster, plugin: &Plugin) -> Result<()> {
    refused(redis, plugin, &["secret"]).await
}

async fn refused(redis: &RedisCluster, plugin: &Plugin, words: &[&str]) -> Result<()> {
    let before = ObjectVersions::read(redis.namespace()).await?;
    let args = ["upgrade", "redis", "--image", &image("8.0"), "-y", "--as", USER];
    let ended = plugin.run(&args).await?.expect(1)?;
    let errors: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("error:")).collect();
    ensure!(errors.len() == 1, "{} errors instead of one:\n{ended}", errors.len());
    for word in words {
        ensure!(errors[0].contains(word), "\"{word}\" is not said:\n{ended}");
    }
    before.expect_unchanged(redis.namespace()).await
}

async fn enough(plugin: &Plugin) -> Result<()> {
    plugin.run(&["status", "redis", "--as", USER]).await?.expect(0)?;
    plugin.run(&["upgrade", "redis", "--restart", "-y", "--canary", "--as", USER]).await?.expect(0).map(drop)
}

/// The role and the one Secret its comment says to add.
fn with_secret(role: &Value) -> Value {
    let mut role = role.clone();
    if let Some(rules) = role["rules"].as_array_mut() {
        rules.push(json!({"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["redis"], "verbs": ["get"]}));
    }
    role
}

async fn as_json(cluster: &Cluster, yaml: &str) -> Result<Value> {
    let args = ["create", "--dry-run=client", "-o", "json", "--filename", "-"];
    let mut object: Value = serde_json::from_str(&cluster.kubectl_with_input(&args, yaml).await?)?;
    // kubectl fills in the namespace it happens to be in.
    object["metadata"]["namespace"].take();
    Ok(object)
}

async fn bind(namespace: &Namespace, role: &Value) -> Result<()> {
    namespace.create(&role.to_string()).await?;
    let name = role["metadata"]["name"].as_str().context("a role has a name")?;
    let (role, user) = (format!("--role={name}"), format!("--user={USER}"));
    namespace.kubectl(&["create", "rolebinding", "limited", &role, &user]).await.map(drop)
}

/// Gives the user these rights and no others, and waits until the API server goes by them.
async fn grant(namespace: &Namespace, role: &Value) -> Result<()> {
    let mut role = role.clone();
    // A rule of its own for each grant: once it can be seen, the grant is in force.
    let mark = format!("mark-{}", jiff::Timestamp::now().as_nanosecond());
    if let Some(rules) = role["rules"].as_array_mut() {
        rules.push(json!({"apiGroups": ["test"], "resources": [mark], "verbs": ["get"]}));
    }
    let args = ["--namespace", namespace.name(), "replace", "--filename", "-"];
    namespace.cluster().kubectl_with_input(&args, &role.to_string()).await?;
    until("the grant is in force", Duration::from_secs(10), async || {
        let rights = namespace.kubectl(&["auth", "can-i", "--list", "--as", USER]).await?;
        ensure!(rights.contains(&mark), "it is not yet");
        Ok(())
    })
    .await
}
