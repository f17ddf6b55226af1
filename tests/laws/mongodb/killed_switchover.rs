//! The plugin is killed in a switchover.

use anyhow::{Result, ensure};
use stateful_harness::{Context, Deployment, Engine, Load, Mongodb, note, nothing_failed, until};

use super::SETTLED_WITHIN;

/// Killed when the journal has recorded that the switchover has begun: the members elect a primary by themselves, if need be.
pub(super) async fn a_switchover_killed_in_the_middle_is_resumed_and_loses_nothing(
    context: &mut Context,
) -> Result<()> {
    let mongodb = context.database::<Mongodb>("5.0").await?;
    let plugin = context.plugin(mongodb.namespace())?;
    let load = Load::start(&mongodb.endpoint().await?).await?;
    let successor = if mongodb.primary().await? == "mongo-1" { "mongo-2" } else { "mongo-1" };
    let mut running = plugin.start(&["switchover", "mongo", "--to", successor, "-y", "--progress=json"])?;
    running.switchover_started().await?;
    running.kill().await?;
    let ended = plugin.run(&["resume", "mongo", "-y"]).await?.expect(0)?;
    note!("resumed in {:?}:\n{ended}", ended.took);
    until("the successor is primary", SETTLED_WITHIN, async || {
        let primary = mongodb.primary().await?;
        ensure!(primary == successor, "{primary} is");
        Ok(())
    })
    .await?;
    mongodb.in_sync(SETTLED_WITHIN).await?;
    let during = load.take_figures();
    note!("killed once: {during:?}");
    nothing_failed(&during, &load.stop().await?)
}
