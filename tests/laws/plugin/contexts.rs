//! A kubeconfig that leads to two clusters and chooses none.

use anyhow::Result;
use serde_json::{Value, json};
use stateful_harness::{Context, Deployment, RedisCluster};

use super::refusals::expect_refusal;
use super::scratch_file::ScratchFile;

pub(super) async fn a_kubeconfig_of_two_contexts_without_a_choice_is_reported(context: &mut Context) -> Result<()> {
    let redis = context.database::<RedisCluster>("7.0").await?;
    let args = ["config", "view", "--raw", "--minify", "--flatten", "-o", "json"];
    let mut config: Value = serde_json::from_str(&context.cluster().kubectl(&args).await?)?;
    let entry = config["contexts"][0]["context"].clone();
    config["contexts"] = json!([{"name": "test", "context": entry}, {"name": "production", "context": entry}]);
    config["current-context"] = "".into();
    let file = ScratchFile::write(redis.namespace().name(), "two-contexts.json", &config.to_string())?;
    let plugin = context.plugin(redis.namespace())?.with_kubeconfig(file.path().to_owned());
    let args = ["upgrade", "redis", "--image", &RedisCluster::image("8.0"), "-y"];
    expect_refusal(redis.namespace(), &plugin, &args, 1, &["context"]).await?;
    let wrong = [&args[..], &["--context", "staging"]].concat();
    expect_refusal(redis.namespace(), &plugin, &wrong, 1, &["staging"]).await?;
    let right = ["upgrade", "redis", "--image", &RedisCluster::image("8.0"), "--dry-run=client", "--context", "test"];
    plugin.run(&right).await?.expect(0).map(drop)
}
