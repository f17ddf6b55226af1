//! The main operation.

use std::time::Duration;

use anyhow::{Result, ensure};
use stateful_harness::{Context, Engine, Load, ObjectVersions, note};

use super::expect_version;

/// How long the load is measured with nothing happening.
const IDLE: Duration = Duration::from_secs(5);

pub(super) async fn an_upgrade_under_load_loses_nothing<E: Engine>(context: &mut Context) -> Result<()> {
    let (from, to) = E::VERSIONS;
    let database = context.database::<E>(from).await?;
    let plugin = context.plugin(database.namespace())?;
    let endpoint = database.endpoint().await?;
    let quiet = context.quiet().await?;
    let load = Load::start(&endpoint).await?;
    tokio::time::sleep(IDLE).await; // this is the baseline
    let idle = load.take_figures();

    let image = E::image(to);
    let upgrade = ["upgrade", E::TARGET, "--image", &image, "-y", "--canary", "-o", "json"];
    let ended = plugin.run(&upgrade).await?.expect(0)?;
    let during = load.take_figures();
    drop(quiet);
    let (audit, report) = (load.stop().await?, ended.json()?);
    note!("idle {idle:?}\n{from} to {to} {during:?}\n{}", audit.errors.join("\n"));
    note!("it took {:?}, longest switchover {} ms", ended.took, report["longestHandoverMilliseconds"]);
    E::WRITES.judge(&during, &audit)?;
    E::WRITES.judge_gap(&idle, &during)?;
    let canary = &report["canary"];
    ensure!(canary["acknowledged"].as_u64() > Some(0), "the canary wrote nothing: {canary}");
    ensure!(canary["lost"] == 0, "the canary lost writes: {canary}");
    ensure!(canary["failed"] == 0 || E::WRITES.connections_may_break, "writes of the canary failed: {canary}");
    expect_version(&database, to).await?;
    expect_strategy(&database).await
}

pub(super) async fn an_upgrade_done_twice_is_done_once<E: Engine>(context: &mut Context) -> Result<()> {
    let (_, to) = E::VERSIONS;
    // The law before has upgraded it; alone, this law needs no upgrade to begin with.
    let database = context.database::<E>(to).await?;
    let plugin = context.plugin(database.namespace())?;
    let before = ObjectVersions::read(database.namespace()).await?;
    let again = plugin.run(&["upgrade", E::TARGET, "--image", &E::image(to), "-y"]).await?.expect(0)?;
    ensure!(format!("{again}").contains("unchanged"), "it does not report that nothing was to do:\n{again}");
    before.expect_unchanged(database.namespace()).await
}

/// The update strategy is the one from before the upgrade.
async fn expect_strategy<E: Engine>(database: &E) -> Result<()> {
    let set = database.namespace().get(&["statefulset", E::TARGET]).await?;
    let strategy = &set["spec"]["updateStrategy"]["type"];
    ensure!(strategy == "RollingUpdate", "the update strategy was left at {strategy}");
    Ok(())
}
