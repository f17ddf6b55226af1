//! `finalize`: final means final, and only a version that every member runs can be made final.

use anyhow::{Result, ensure};
use stateful_harness::{Context, Deployment, Engine, Load, Mongodb, note, nothing_failed};

use super::SETTLED_WITHIN;

pub(super) async fn an_upgrade_made_final_has_no_way_back_and_this_is_reported(context: &mut Context) -> Result<()> {
    let mongodb = context.database::<Mongodb>("5.0").await?;
    let plugin = context.plugin(mongodb.namespace())?;
    let skipped = plugin.run(&["upgrade", "mongo", "--version", "7.0", "-y"]).await?.expect(3)?;
    ensure!(format!("{skipped}").contains("STF-MG-005"), "it is not reported that a release is skipped:\n{skipped}");
    plugin.run(&["upgrade", "mongo", "--version", "6.0", "-y"]).await?.expect(0)?;
    let early = plugin.run(&["upgrade", "mongo", "--version", "7.0", "-y"]).await?.expect(3)?;
    for words in ["STF-MG-006", "kubectl stateful finalize mongo"] {
        ensure!(format!("{early}").contains(words), "\"{words}\" is not reported:\n{early}");
    }
    let load = Load::start(&mongodb.endpoint().await?).await?;
    let ended = plugin.run(&["finalize", "mongo", "-y"]).await?.expect(0)?;
    note!("made final in {:?}", ended.took);
    let during = load.take_figures();
    let audit = load.stop().await?;
    nothing_failed(&during, &audit)?;
    let again = plugin.run(&["finalize", "mongo", "-y"]).await?.expect(0)?;
    ensure!(format!("{again}").contains("unchanged"), "it was done twice:\n{again}");
    let refused = plugin.run(&["rollback", "mongo", "-y"]).await?.expect(3)?;
    ensure!(format!("{refused}").contains("STF-DB-021"), "it is not reported why there is no way back:\n{refused}");
    context.spoil_database();
    mongodb.expect_image("6.0").await?;
    mongodb.in_sync(SETTLED_WITHIN).await
}
