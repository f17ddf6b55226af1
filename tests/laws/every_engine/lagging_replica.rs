//! A replica that does not have what its primary has.

use std::time::Duration;

use anyhow::{Result, ensure};
use stateful_harness::{Context, Load, ObjectVersions, Primaries, note, until};

use super::SETTLED_WITHIN;

/// A replica that receives nothing has to fall behind by more than the limit, and for a limit in seconds that takes as long.
const NOTICED_WITHIN: Duration = Duration::from_secs(40);

/// Shorter than the plugin would wait for a replica to catch up.
const STEP_TIMEOUT: &str = "10s";

pub(super) async fn a_replica_that_lags_is_refused_until_it_has_caught_up<E: Primaries>(
    context: &mut Context,
) -> Result<()> {
    let database = context.database::<E>(E::VERSIONS.0).await?;
    let plugin = context.plugin(database.namespace())?;
    let (primaries, replica) = (database.primaries().await?, database.replica().await?);
    let load = Load::start(&database.endpoint().await?).await?;
    let undo = context.undo_afterwards(format!("{replica} follows again"), {
        let (database, replica) = (database.clone(), replica.clone());
        async move { database.catch_up(&replica).await }
    });
    let before = ObjectVersions::read(database.namespace()).await?;
    database.lag(&replica).await?;
    until("the check refuses it", NOTICED_WITHIN, async || {
        let checked = plugin.run(&["check", E::TARGET]).await?.expect(3)?;
        ensure!(format!("{checked}").contains(E::LAG_REASON), "{checked}");
        Ok(())
    })
    .await?;
    let switchover = ["switchover", E::TARGET, "--to", &replica, "-y", "--step-timeout", STEP_TIMEOUT];
    let refused = plugin.run(&switchover).await?.expect(3)?;
    ensure!(format!("{refused}").contains(E::LAG_REASON), "it does not report why:\n{refused}");
    let image = E::image(E::VERSIONS.1);
    let refused = plugin.run(&["upgrade", E::TARGET, "--image", &image, "-y"]).await?.expect(3)?;
    ensure!(format!("{refused}").contains(E::LAG_REASON), "it does not report why:\n{refused}");
    before.expect_unchanged(database.namespace()).await?;
    ensure!(database.primaries().await? == primaries, "a primary was moved");

    undo.now().await?;
    database.in_sync(SETTLED_WITHIN).await?;
    plugin.run(&switchover).await?.expect(0)?;
    ensure!(database.primaries().await?.contains(&replica), "{replica} is no primary");
    database.expect_routed().await?;
    let during = load.take_figures();
    let audit = load.stop().await?;
    note!("{replica} lagged, and became primary: {during:?}");
    E::WRITES.judge(&during, &audit)
}
