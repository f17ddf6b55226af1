//! A plan that was saved, and a database that has changed since.

use std::time::Duration;

use anyhow::Result;
use stateful_harness::{Context, Deployment, Primaries, RedisCluster};

use super::refusals::expect_refusal;
use super::scratch_file::ScratchFile;

/// A replica that was deleted comes back and follows its master.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

/// Between the plan and its execution a replica's pod became another one.
pub(super) async fn a_plan_file_that_no_longer_fits_is_refused(context: &mut Context) -> Result<()> {
    let redis = context.database::<RedisCluster>("7.0").await?;
    let namespace = redis.namespace();
    let plugin = context.plugin(namespace)?;
    let args = ["upgrade", "redis", "--image", &RedisCluster::image("8.0"), "--dry-run=client", "-o", "yaml"];
    let plan = plugin.run(&args).await?.expect(0)?.stdout;
    let file = ScratchFile::write(namespace.name(), "plan.yaml", &plan)?;
    let path = file.path().to_string_lossy().into_owned();

    let replica = redis.replica().await?;
    namespace.kubectl(&["delete", "pod", &replica]).await?;
    redis.in_sync(SETTLED_WITHIN).await?;
    let upgrade = ["upgrade", "redis", "--plan", &path, "-y"];
    expect_refusal(namespace, &plugin, &upgrade, 3, &["no longer fits", &replica]).await?;

    let garbage = ScratchFile::write(namespace.name(), "garbage.yaml", "steps: what?")?;
    let path = garbage.path().to_string_lossy().into_owned();
    expect_refusal(namespace, &plugin, &["upgrade", "redis", "--plan", &path, "-y"], 2, &[&path]).await.map(drop)
}
