//! A user with exactly the permissions that `rbac` prints, and with one fewer.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use stateful_harness::{Cluster, Context, Deployment, Namespace, ObjectVersions, Plugin, RedisCluster, note, until};

const USER: &str = "limited@example.com";

/// The API server evaluates a changed role within a second or two.
const IN_FORCE_WITHIN: Duration = Duration::from_secs(10);

pub(super) async fn the_printed_permissions_are_enough_and_each_is_needed(context: &mut Context) -> Result<()> {
    let redis = context.database::<RedisCluster>("7.0").await?;
    let namespace = redis.namespace();
    let plugin = context.plugin(namespace)?;
    let printed = plugin.run(&["rbac", "upgrade"]).await?.expect(0)?.stdout;
    let role = read_role(context.cluster(), &printed).await?;
    bind(namespace, &role).await?;

    let mut failures = Vec::new();
    for (rule, verb) in verbs(&role) {
        let resource = role["rules"][rule]["resources"][0].as_str().unwrap_or("?");
        if let Err(why) = refuses_without(namespace, &plugin, &role, rule, &verb).await {
            failures.push(format!("without {verb} {resource}: {why:#}"));
        }
        note!("without {verb} {resource}");
    }
    grant(namespace, &role).await?;
    if let Err(why) = refuses(namespace, &plugin, "secret").await {
        failures.push(format!("without the Secret: {why:#}"));
    }
    grant(namespace, &with_secret(&role)).await?;
    if let Err(why) = is_enough(&plugin).await {
        failures.push(format!("with all of them: {why:#}"));
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n\n"));
    Ok(())
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

async fn refuses_without(namespace: &Namespace, plugin: &Plugin, role: &Value, rule: usize, verb: &str) -> Result<()> {
    let mut fewer = with_secret(role);
    let resource = fewer["rules"][rule]["resources"][0].as_str().unwrap_or_default().to_owned();
    let verbs = fewer["rules"][rule]["verbs"].as_array_mut().context("a rule has verbs")?;
    verbs.retain(|kept| kept != verb);
    if verbs.is_empty() {
        // The API server accepts no rule without verbs.
        fewer["rules"].as_array_mut().context("a role has rules")?.remove(rule);
    }
    grant(namespace, &fewer).await?;
    refuses(namespace, plugin, &format!("{verb} {resource}")).await
}

/// Fails unless an upgrade is refused in one error that names this, and touches nothing.
async fn refuses(namespace: &Namespace, plugin: &Plugin, named: &str) -> Result<()> {
    let before = ObjectVersions::read(namespace).await?;
    let args = ["upgrade", "redis", "--image", &RedisCluster::image("8.0"), "-y", "--as", USER];
    let ended = plugin.run(&args).await?.expect(1)?;
    let errors: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("error:")).collect();
    ensure!(errors.len() == 1, "{} errors instead of one:\n{ended}", errors.len());
    ensure!(errors[0].contains(named), "\"{named}\" is not reported:\n{ended}");
    before.expect_unchanged(namespace).await
}

async fn is_enough(plugin: &Plugin) -> Result<()> {
    plugin.run(&["status", "redis", "--as", USER]).await?.expect(0)?;
    plugin.run(&["upgrade", "redis", "--restart", "-y", "--canary", "--as", USER]).await?.expect(0).map(drop)
}

/// The role and the one Secret that its comment says to add.
fn with_secret(role: &Value) -> Value {
    let mut role = role.clone();
    if let Some(rules) = role["rules"].as_array_mut() {
        rules.push(json!({"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["redis"], "verbs": ["get"]}));
    }
    role
}

async fn read_role(cluster: &Cluster, yaml: &str) -> Result<Value> {
    let args = ["create", "--dry-run=client", "-o", "json", "--filename", "-"];
    let mut object: Value = serde_json::from_str(&cluster.kubectl_with_input(&args, yaml).await?)?;
    // kubectl fills in the namespace of its context.
    object["metadata"]["namespace"].take();
    Ok(object)
}

async fn bind(namespace: &Namespace, role: &Value) -> Result<()> {
    namespace.create(&role.to_string()).await?;
    let name = role["metadata"]["name"].as_str().context("a role has a name")?;
    let (role, user) = (format!("--role={name}"), format!("--user={USER}"));
    namespace.kubectl(&["create", "rolebinding", "limited", &role, &user]).await.map(drop)
}

/// Gives the user these permissions and no others, and waits until the API server evaluates them.
async fn grant(namespace: &Namespace, role: &Value) -> Result<()> {
    let mut role = role.clone();
    // A rule of its own for each grant: once it can be seen, the grant is in force.
    let mark = format!("mark-{}", jiff::Timestamp::now().as_nanosecond());
    if let Some(rules) = role["rules"].as_array_mut() {
        rules.push(json!({"apiGroups": ["test"], "resources": [mark], "verbs": ["get"]}));
    }
    let args = ["--namespace", namespace.name(), "replace", "--filename", "-"];
    namespace.cluster().kubectl_with_input(&args, &role.to_string()).await?;
    until("the grant is in force", IN_FORCE_WITHIN, async || {
        let permissions = namespace.kubectl(&["auth", "can-i", "--list", "--as", USER]).await?;
        ensure!(permissions.contains(&mark), "it is not yet");
        Ok(())
    })
    .await
}
