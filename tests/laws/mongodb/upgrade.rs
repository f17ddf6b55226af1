//! To the next major release and back, with each driver.

use anyhow::{Context as _, Result};
use stateful_harness::{Context, Deployment, Engine, Load, Mongodb, note};

use crate::every_engine::expect_version;

/// Written to with Python's driver, since the upgrade before is written to with this language's.
pub(super) async fn a_rollback_under_load_fails_no_write(context: &mut Context) -> Result<()> {
    let mongodb = upgraded(context).await?;
    let plugin = context.plugin(mongodb.namespace())?;
    let endpoint = mongodb.endpoint_for_pymongo().await?;
    let quiet = context.quiet().await?;
    let load = Load::start(&endpoint).await?;
    let ended = plugin.run(&["rollback", "mongo", "-y", "-o", "json"]).await?.expect(0)?;
    let during = load.take_figures();
    drop(quiet);
    let audit = load.stop().await?;
    let longest = ended.json()?["longestHandoverMilliseconds"].clone();
    note!("{during:?}; it took {:?}, longest switchover {longest} ms", ended.took);
    Mongodb::WRITES.judge(&during, &audit)?;
    Mongodb::WRITES.judge_gap(&during, &during)?;
    expect_version(&mongodb, "5.0").await
}

/// A set that was upgraded from 5.0 to 6.0: by the law before, or now.
async fn upgraded(context: &mut Context) -> Result<Mongodb> {
    if let Some(mongodb) = context.left_by_the_law_before::<Mongodb>("6.0").await {
        return Ok(mongodb);
    }
    let mongodb = context.database::<Mongodb>("5.0").await?;
    let plugin = context.plugin(mongodb.namespace())?;
    plugin.run(&["upgrade", "mongo", "--version", "6.0", "-y"]).await?.expect(0)?;
    Ok(mongodb)
}

/// There with the driver of this language, and back with Python's. The set is deployed as the example is, so each member that is ended
/// lets its clients go for 15 s first.
pub(super) async fn an_upgrade_and_its_rollback_with_the_default_shutdown_fail_no_write(
    context: &mut Context,
) -> Result<()> {
    let mongodb = context.deploy(async |namespace| Mongodb::deploy_unchanged(namespace, "5.0").await).await?;
    let plugin = context.plugin(mongodb.namespace())?;
    let quiet = context.quiet().await?;
    for (what, endpoint, arguments, version) in [
        (
            "5.0 to 6.0",
            mongodb.endpoint().await?,
            &["upgrade", "mongo", "--version", "6.0", "-y", "-o", "json"][..],
            "6.0",
        ),
        (
            "back to 5.0, PyMongo",
            mongodb.endpoint_for_pymongo().await?,
            &["rollback", "mongo", "-y", "-o", "json"],
            "5.0",
        ),
    ] {
        let load = Load::start(&endpoint).await?;
        let ended = plugin.run(arguments).await?.expect(0)?;
        let during = load.take_figures();
        let audit = load.stop().await?;
        let longest = ended.json()?["longestHandoverMilliseconds"].clone();
        note!("{what}: {during:?}; it took {:?}, longest switchover {longest} ms", ended.took);
        expect_version(&mongodb, version).await?;
        Mongodb::WRITES.judge(&during, &audit).context(what)?;
        Mongodb::WRITES.judge_gap(&during, &during).context(what)?;
    }
    drop(quiet);
    Ok(())
}
