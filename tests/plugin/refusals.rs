//! What is refused is refused at once, in one clear sentence, and nothing is touched.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use stateful_harness::{Cluster, Ended, Namespace, ObjectVersions, Plugin, RedisCluster, image, until};

use crate::laws::Laws;

#[tokio::test]
async fn refusals_say_why_and_touch_nothing() -> Result<()> {
    let cluster = Cluster::beside_others().await?;
    let namespace = cluster.namespace("law-refusals").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let mut laws = Laws::on(&redis);
    laws.hold("dry_run_changes_nothing", dry_run(&redis, &plugin)).await?;
    laws.hold("unknown_workload_is_said", unknown_workload(&redis, &plugin)).await?;
    laws.hold("ambiguous_word_is_said", ambiguous_word(&cluster, &plugin)).await?;
    laws.hold("no_terminal_and_no_yes_is_a_usage_error", no_terminal(&redis, &plugin)).await?;
    laws.hold("two_contexts_and_none_chosen_is_said", two_contexts(&cluster, &redis, &plugin)).await?;
    laws.hold("wrong_password_is_said", wrong_password(&redis, &plugin)).await?;
    laws.hold("plan_file_that_no_longer_fits_is_refused", stale_plan(&redis, &plugin)).await?;
    laws.hold("second_upgrade_is_refused_with_holder", second_upgrade(&plugin)).await?;
    laws.hold("interrupted_upgrade_says_how_to_go_on", interrupted(&redis, &plugin)).await?;
    laws.hold("older_release_is_refused", older_release(&redis, &plugin)).await?;
    laws.hold("restore_says_what_it_loses_and_is_not_carried_out", restore_plan(&redis, &plugin)).await?;
    laws.verdict()
}

/// Runs it, and makes sure that it failed as said, in one error, and touched nothing.
async fn refused(namespace: &Namespace, plugin: &Plugin, args: &[&str], code: i32, words: &[&str]) -> Result<Ended> {
    let before = ObjectVersions::read(namespace).await?;
    let ended = plugin.run(args).await?.expect(code).with_context(|| args.join(" "))?;
    let errors = ended.stderr.lines().filter(|line| line.starts_with("error:")).count();
    ensure!(errors == 1, "{errors} errors instead of one:\n{ended}");
    for word in words {
        ensure!(ended.stderr.contains(word), "\"{word}\" is not said:\n{ended}");
    }
    ensure!(!ended.stderr.contains("panicked"), "it panicked:\n{ended}");
    before.expect_unchanged(namespace).await?;
    Ok(ended)
}

async fn dry_run(redis: &RedisCluster, plugin: &Plugin) -> Result<()> {
    let before = ObjectVersions::read(redis.namespace()).await?;
    let shards = redis.shards().await?;
    for mode in ["--dry-run=client", "--dry-run=server"] {
        let ended = plugin.run(&["upgrade", "redis", "--image", &image("8.0"), mode]).await?.expect(0)?;
        ensure!(ended.stdout.contains("dry run"), "{mode} does not say so:\n{ended}");
    }
    ensure!(redis.shards().await? == shards, "the roles moved");
    before.expect_unchanged(redis.namespace()).await
}

async fn unknown_workload(redis: &RedisCluster, plugin: &Plugin) -> Result<()> {
    let args = ["upgrade", "nobody", "--image", &image("8.0"), "-y"];
    refused(redis.namespace(), plugin, &args, 1, &["nobody"]).await.map(drop)
}

async fn ambiguous_word(cluster: &Cluster, plugin: &Plugin) -> Result<()> {
    let namespace = cluster.namespace("law-ambiguous").await?;
    for name in ["sessions", "carts"] {
        namespace.create(&empty_workload(name)).await?;
    }
    let plugin = plugin.clone().within(&namespace);
    let args = ["upgrade", "redis", "--image", &image("8.0"), "-y"];
    refused(&namespace, &plugin, &args, 1, &["sessions", "carts"]).await.map(drop)
}

fn empty_workload(name: &str) -> String {
    let image = image("7.0");
    format!(
        "
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: {name}}}
spec:
  serviceName: {name}
  replicas: 0
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: redis, image: '{image}'}}]}}
"
    )
}

async fn no_terminal(redis: &RedisCluster, plugin: &Plugin) -> Result<()> {
    let args = ["upgrade", "redis", "--image", &image("8.0")];
    refused(redis.namespace(), plugin, &args, 2, &["--yes"]).await.map(drop)
}

/// A kubeconfig that leads to two clusters and chooses none.
async fn two_contexts(cluster: &Cluster, redis: &RedisCluster, plugin: &Plugin) -> Result<()> {
    let told = cluster.kubectl(&["config", "view", "--raw", "--minify", "--flatten", "-o", "json"]).await?;
    let mut config: serde_json::Value = serde_json::from_str(&told)?;
    let context = config["contexts"][0]["context"].clone();
    config["contexts"] = serde_json::json!([
        {"name": "test", "context": context},
        {"name": "production", "context": context},
    ]);
    config["current-context"] = "".into();
    let file = Scratch::new(redis.namespace().name(), "two-contexts.json", &config.to_string())?;
    let lost = plugin.clone().with_kubeconfig(file.path.clone());
    let args = ["upgrade", "redis", "--image", &image("8.0"), "-y"];
    refused(redis.namespace(), &lost, &args, 1, &["context"]).await?;
    let wrong = [&args[..], &["--context", "staging"]].concat();
    refused(redis.namespace(), &lost, &wrong, 1, &["staging"]).await?;
    let right = ["upgrade", "redis", "--image", &image("8.0"), "--dry-run=client", "--context", "test"];
    lost.run(&right).await?.expect(0).map(drop)
}

async fn wrong_password(redis: &RedisCluster, plugin: &Plugin) -> Result<()> {
    let namespace = redis.namespace();
    let patch = |password: &str| format!(r#"{{"stringData":{{"password":"{password}"}}}}"#);
    namespace.kubectl(&["patch", "secret", "redis", "--patch", &patch("not-this-one")]).await?;
    let args = ["upgrade", "redis", "--image", &image("8.0"), "-y"];
    let before = ObjectVersions::read(namespace).await?;
    let ended = plugin.run(&args).await;
    let untouched = before.expect_unchanged(namespace).await;
    namespace.kubectl(&["patch", "secret", "redis", "--patch", &patch(redis.password())]).await?;
    let (ended, ()) = (ended?, untouched?);
    ensure!(matches!(ended.code, Some(1 | 3)), "it ended with {:?}:\n{ended}", ended.code);
    ensure!(!ended.stderr.contains("not-this-one"), "it prints the password:\n{ended}");
    let errors: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("error:")).collect();
    ensure!(errors.len() == 1 && errors[0].contains("password"), "the error does not name the password:\n{ended}");
    Ok(())
}

/// Between the plan and its execution a replica's pod became another one.
async fn stale_plan(redis: &RedisCluster, plugin: &Plugin) -> Result<()> {
    let args = ["upgrade", "redis", "--image", &image("8.0"), "--dry-run=client", "-o", "yaml"];
    let plan = plugin.run(&args).await?.expect(0)?.stdout;
    let file = Scratch::new(redis.namespace().name(), "plan.yaml", &plan)?;
    let path = file.path.to_string_lossy().into_owned();

    let shards = redis.shards().await?;
    let replica = shards.iter().flat_map(|(_, replicas)| replicas).next().context("there is no replica")?;
    redis.namespace().kubectl(&["delete", "pod", replica]).await?;
    redis.in_sync(Duration::from_mins(2)).await?;
    refused(redis.namespace(), plugin, &["upgrade", "redis", "--plan", &path, "-y"], 3, &["no longer fits", replica])
        .await?;

    let garbage = Scratch::new(redis.namespace().name(), "garbage.yaml", "steps: what?")?;
    let path = garbage.path.to_string_lossy().into_owned();
    refused(redis.namespace(), plugin, &["upgrade", "redis", "--plan", &path, "-y"], 2, &[&path]).await.map(drop)
}

async fn second_upgrade(plugin: &Plugin) -> Result<()> {
    let mut first = plugin.start(&["upgrade", "redis", "--restart", "-y", "--progress=json"])?;
    first.step_started(2).await?;
    let second = plugin.run(&["upgrade", "redis", "--image", &image("8.0"), "-y"]).await?.expect(3)?;
    for word in ["held by", "since"] {
        ensure!(second.stderr.contains(word), "\"{word}\" is not said:\n{second}");
    }
    first.end().await?.expect(0).map(drop)
}

/// Ctrl-C leaves a state that is whole, says the next command, and lets nobody else begin beside it.
async fn interrupted(redis: &RedisCluster, plugin: &Plugin) -> Result<()> {
    let mut running = plugin.start(&["upgrade", "redis", "--restart", "-y", "--progress=json"])?;
    running.step_started(2).await?;
    let ended = running.interrupt().await?.expect(130)?;
    ensure!(ended.stderr.contains("kubectl stateful resume redis"), "it does not say how to go on:\n{ended}");
    redis.in_sync(Duration::from_mins(2)).await?;
    let args = ["upgrade", "redis", "--image", &image("8.0"), "-y"];
    refused(redis.namespace(), plugin, &args, 3, &["unfinished", "resume", "abort"]).await?;
    plugin.run(&["abort", "redis", "-y"]).await?.expect(0)?;
    until("the history tells it", Duration::from_secs(5), async || {
        let history = plugin.run(&["history", "redis"]).await?.expect(0)?;
        ensure!(history.stdout.contains("abort"), "{history}");
        Ok(())
    })
    .await?;
    // What was left behind is no obstacle.
    plugin.run(&["upgrade", "redis", "-y"]).await?.expect(0).map(drop)
}

/// A server of an older release cannot read what a newer one wrote: `rollback` is no way around it.
async fn older_release(redis: &RedisCluster, plugin: &Plugin) -> Result<()> {
    plugin.run(&["upgrade", "redis", "--version", "8.0", "-y"]).await?.expect(0)?;
    let namespace = redis.namespace();
    refused(namespace, plugin, &["upgrade", "redis", "--version", "7.0", "-y"], 3, &["STF-DB-021"]).await?;
    let back = ["rollback", "redis", "-y"];
    refused(namespace, plugin, &back, 3, &["STF-DB-021", "nothing to restore", "Jobs"]).await.map(drop)
}

/// Then there is a backup, told with what it lacks; its steps are for whoever accepts that, and for nobody else.
async fn restore_plan(redis: &RedisCluster, plugin: &Plugin) -> Result<()> {
    let namespace = redis.namespace();
    let made = "2026-01-01T00:00:00Z";
    let image = image("7.0");
    let backup = ["create", "cronjob", "redis-backup", "--image", &image, "--schedule", "0 0 1 1 *", "--", "true"];
    namespace.kubectl(&backup).await?;
    let status = format!(r#"{{"status":{{"lastSuccessfulTime":"{made}"}}}}"#);
    namespace
        .kubectl(&["patch", "cronjob", "redis-backup", "--subresource=status", "--type=merge", "-p", &status])
        .await?;
    let words = ["STF-DB-021", "cronjob/redis-backup", made, "kubectl stateful rollback redis", "--accept-data-loss"];
    let ended = refused(namespace, plugin, &["rollback", "redis", "-y"], 3, &words).await?;
    ensure!(ended.stdout.is_empty(), "it told the steps:\n{ended}");
    let before = ObjectVersions::read(namespace).await?;
    let accepted = ["rollback", "redis", "-y", "--accept-data-loss"];
    let ended = plugin.run(&accepted).await?.expect(0)?;
    for word in ["cronjob/redis-backup", made, "redis-restored", "none of them was carried out"] {
        ensure!(ended.stdout.contains(word), "\"{word}\" is not said:\n{ended}");
    }
    let ended = plugin.run(&[&accepted[..], &["-o", "json"]].concat()).await?.expect(0)?;
    let plan: serde_json::Value = serde_json::from_str(&ended.stdout)?;
    ensure!(plan["made"] == made && plan["losesMilliseconds"].as_i64() > Some(0), "{plan}");
    before.expect_unchanged(namespace).await
}

/// A file for a while.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn new(owner: &str, name: &str, text: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("{owner}-{name}"));
        fs::write(&path, text)?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A file left in the temporary folder harms nobody.
        drop(fs::remove_file(&self.path));
    }
}
