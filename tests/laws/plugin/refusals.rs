//! What is refused is refused at once, in one clear sentence, and nothing is touched.

use anyhow::{Context as _, Result, ensure};
use stateful_harness::{Context, Deployment, Ended, Namespace, ObjectVersions, Plugin, RedisCluster};

/// Runs it, and fails unless it failed with that exit code, in one error with those words, and touched nothing.
pub(super) async fn expect_refusal(
    namespace: &Namespace,
    plugin: &Plugin,
    args: &[&str],
    code: i32,
    words: &[&str],
) -> Result<Ended> {
    let before = ObjectVersions::read(namespace).await?;
    let ended = plugin.run(args).await?.expect(code).with_context(|| args.join(" "))?;
    let errors = ended.stderr.lines().filter(|line| line.starts_with("error:")).count();
    ensure!(errors == 1, "{errors} errors instead of one:\n{ended}");
    for word in words {
        ensure!(ended.stderr.contains(word), "\"{word}\" is not reported:\n{ended}");
    }
    ensure!(!ended.stderr.contains("panicked"), "it panicked:\n{ended}");
    before.expect_unchanged(namespace).await?;
    Ok(ended)
}

pub(super) async fn a_dry_run_changes_nothing(context: &mut Context) -> Result<()> {
    let redis = context.database::<RedisCluster>("7.0").await?;
    let plugin = context.plugin(redis.namespace())?;
    let before = ObjectVersions::read(redis.namespace()).await?;
    let shards = redis.shards().await?;
    let image = RedisCluster::image("8.0");
    for mode in ["--dry-run=client", "--dry-run=server"] {
        let ended = plugin.run(&["upgrade", "redis", "--image", &image, mode]).await?.expect(0)?;
        ensure!(ended.stdout.contains("dry run"), "{mode} does not report that it is one:\n{ended}");
    }
    ensure!(redis.shards().await? == shards, "the primaries moved");
    before.expect_unchanged(redis.namespace()).await
}

pub(super) async fn an_unknown_workload_is_reported(context: &mut Context) -> Result<()> {
    let redis = context.database::<RedisCluster>("7.0").await?;
    let plugin = context.plugin(redis.namespace())?;
    let args = ["upgrade", "nowhere", "--image", &RedisCluster::image("8.0"), "-y"];
    expect_refusal(redis.namespace(), &plugin, &args, 1, &["nowhere"]).await.map(drop)
}

pub(super) async fn an_engine_word_that_fits_two_workloads_is_reported(context: &mut Context) -> Result<()> {
    let namespace = context.namespace().await?;
    for name in ["sessions", "carts"] {
        namespace.create(&empty_workload(name)).await?;
        // The controller writes the status of a new StatefulSet once, whoever else does something to it.
        let seen = ["wait", &format!("statefulset/{name}"), "--for=jsonpath={.status.observedGeneration}=1"];
        namespace.kubectl(&seen).await?;
    }
    let plugin = context.plugin(&namespace)?;
    let args = ["upgrade", "redis", "--image", &RedisCluster::image("8.0"), "-y"];
    expect_refusal(&namespace, &plugin, &args, 1, &["sessions", "carts"]).await.map(drop)
}

fn empty_workload(name: &str) -> String {
    let image = RedisCluster::image("7.0");
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

pub(super) async fn without_a_terminal_and_without_yes_it_is_a_usage_error(context: &mut Context) -> Result<()> {
    let redis = context.database::<RedisCluster>("7.0").await?;
    let plugin = context.plugin(redis.namespace())?;
    let args = ["upgrade", "redis", "--image", &RedisCluster::image("8.0")];
    expect_refusal(redis.namespace(), &plugin, &args, 2, &["--yes"]).await.map(drop)
}

pub(super) async fn a_wrong_password_is_reported_and_not_printed(context: &mut Context) -> Result<()> {
    let redis = context.database::<RedisCluster>("7.0").await?;
    let namespace = redis.namespace();
    let plugin = context.plugin(namespace)?;
    let undo = context.undo_afterwards("the password is right again", {
        let redis = redis.clone();
        async move { set_password(redis.namespace(), redis.password()).await }
    });
    set_password(namespace, "not-this-one").await?;
    let before = ObjectVersions::read(namespace).await?;
    let ended = plugin.run(&["upgrade", "redis", "--image", &RedisCluster::image("8.0"), "-y"]).await?;
    before.expect_unchanged(namespace).await?;
    undo.now().await?;
    ensure!(matches!(ended.code, Some(1 | 3)), "it ended with {:?}:\n{ended}", ended.code);
    ensure!(!ended.stderr.contains("not-this-one"), "it prints the password:\n{ended}");
    let errors: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("error:")).collect();
    ensure!(errors.len() == 1 && errors[0].contains("password"), "the error does not name the password:\n{ended}");
    Ok(())
}

async fn set_password(namespace: &Namespace, password: &str) -> Result<()> {
    let patch = format!(r#"{{"stringData":{{"password":"{password}"}}}}"#);
    namespace.kubectl(&["patch", "secret", "redis", "--patch", &patch]).await.map(drop)
}
