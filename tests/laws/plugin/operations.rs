//! An operation that runs, and one that was interrupted.

use std::time::Duration;

use anyhow::{Result, ensure};
use stateful_harness::{Context, Deployment, RedisCluster, until};

use super::refusals::expect_refusal;

/// A member that was just replaced comes back and follows its master.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

/// The journal has the abort once it has ended.
const RECORDED_WITHIN: Duration = Duration::from_secs(5);

pub(super) async fn a_second_operation_is_refused_with_the_holder_of_the_first(context: &mut Context) -> Result<()> {
    let redis = context.database::<RedisCluster>("7.0").await?;
    let plugin = context.plugin(redis.namespace())?;
    let mut first = plugin.start(&["upgrade", "redis", "--restart", "-y", "--progress=json"])?;
    first.step_started(2).await?;
    let second = plugin.run(&["upgrade", "redis", "--image", &RedisCluster::image("8.0"), "-y"]).await?.expect(3)?;
    for word in ["process ", "has held its lock since"] {
        ensure!(second.stderr.contains(word), "\"{word}\" is not reported:\n{second}");
    }
    first.end().await?.expect(0).map(drop)
}

/// Ctrl-C leaves a whole state, reports the next command, and allows no other operation to begin.
pub(super) async fn an_interrupted_upgrade_reports_how_to_go_on_and_can_be_aborted(
    context: &mut Context,
) -> Result<()> {
    let redis = context.database::<RedisCluster>("7.0").await?;
    let plugin = context.plugin(redis.namespace())?;
    let mut running = plugin.start(&["upgrade", "redis", "--restart", "-y", "--progress=json"])?;
    running.step_started(2).await?;
    let ended = running.interrupt().await?.expect(130)?;
    ensure!(ended.stderr.contains("kubectl stateful resume redis"), "it does not report how to go on:\n{ended}");
    redis.in_sync(SETTLED_WITHIN).await?;
    let args = ["upgrade", "redis", "--image", &RedisCluster::image("8.0"), "-y"];
    expect_refusal(redis.namespace(), &plugin, &args, 3, &["unfinished", "resume", "abort"]).await?;
    plugin.run(&["abort", "redis", "-y"]).await?.expect(0)?;
    until("the history has the abort", RECORDED_WITHIN, async || {
        let history = plugin.run(&["history", "redis"]).await?.expect(0)?;
        ensure!(history.stdout.contains("abort"), "{history}");
        Ok(())
    })
    .await?;
    // What the interrupted upgrade has left is no obstacle to the next.
    plugin.run(&["upgrade", "redis", "-y"]).await?.expect(0).map(drop)
}
