//! A planned switchover.

use anyhow::{Result, ensure};
use stateful_harness::{Context, Load, Primaries, note};

use super::SETTLED_WITHIN;

pub(super) async fn a_switchover_moves_the_primary_and_loses_nothing<E: Primaries>(
    context: &mut Context,
) -> Result<()> {
    let database = context.database::<E>(E::VERSIONS.0).await?;
    let plugin = context.plugin(database.namespace())?;
    let before = database.primaries().await?;
    let load = Load::start(&database.endpoint().await?).await?;
    let ended = plugin.run(&["switchover", E::TARGET, "--from", &before[0], "-y"]).await?.expect(0)?;
    database.in_sync(SETTLED_WITHIN).await?;
    let after = database.primaries().await?;
    ensure!(after.len() == before.len() && !after.contains(&before[0]), "{before:?} were primaries, and now {after:?}");
    database.expect_routed().await?;
    let during = load.take_figures();
    let audit = load.stop().await?;
    note!("it took {:?}: {during:?}", ended.took);
    E::WRITES.judge(&during, &audit)
}
