//! An image that no registry has: the first member that gets it never starts.

use std::time::Duration;

use anyhow::{Result, ensure};
use stateful_harness::{Context, Engine, Load, note};

use super::expect_version;

/// From the command to the old version everywhere: what the documents ask of a rollback.
const BACK_WITHIN: Duration = Duration::from_mins(2);

pub(super) async fn an_image_that_cannot_be_pulled_stops_the_upgrade_and_is_rolled_back<E: Engine>(
    context: &mut Context,
) -> Result<()> {
    let version = E::VERSIONS.0;
    let database = context.database::<E>(version).await?;
    let plugin = context.plugin(database.namespace())?;
    let load = Load::start(&database.endpoint().await?).await?;
    let nowhere = E::image("no-such-tag");
    let stopped = plugin.run(&["upgrade", E::TARGET, "--image", &nowhere, "-y"]).await?.expect(6)?;
    ensure!(stopped.stderr.contains("ImagePull"), "it does not report why:\n{stopped}");
    let rollback = format!("kubectl stateful rollback {}", E::TARGET);
    ensure!(stopped.stderr.contains(&rollback), "it does not report how to go back:\n{stopped}");
    let replaced = database.pods().await?.into_iter().filter(|pod| pod.image != E::image(version)).count();
    ensure!(replaced == 1, "{replaced} members were replaced, not 1");
    let ended = plugin.run(&["rollback", E::TARGET, "-y"]).await?.expect(0)?;
    let during = load.take_figures();
    let audit = load.stop().await?;
    note!("rolled back in {:?}: {during:?}", ended.took);
    // No primary was moved, so no connection had to break.
    stateful_harness::nothing_failed(&during, &audit)?;
    ensure!(ended.took <= BACK_WITHIN, "the rollback took {:?}", ended.took);
    expect_version(&database, version).await
}
