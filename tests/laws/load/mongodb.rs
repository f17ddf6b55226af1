//! The load on MongoDB, through each driver.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mongodb::bson::{Document, doc};
use stateful_harness::{
    Context, Deployment, Endpoint, Engine, Figures, Load, Mongodb, PodProcesses, note, nothing_lost, until,
};

use super::{WRITERS, expect_clean};

/// An election takes 10 to 12 s from a primary's last heartbeat, and kubelet starts the container again at once.
const RECOVERED_WITHIN: Duration = Duration::from_mins(1);

pub(super) async fn the_ledger_notices_a_crash_and_names_what_is_lost(context: &mut Context) -> Result<()> {
    context.write_often();
    let mongodb = context.database::<Mongodb>("5.0").await?;
    for (driver, endpoint) in
        [("the mongodb crate", mongodb.endpoint().await?), ("PyMongo", mongodb.endpoint_for_pymongo().await?)]
    {
        expect_clean(&endpoint).await.context(driver)?;
        notices_a_crash(&mongodb, &endpoint).await.context(driver)?;
        names_a_lost_document(&mongodb, &endpoint).await.context(driver)?;
    }
    Ok(())
}

pub(super) async fn a_set_that_accepts_only_encrypted_connections_is_written_to(context: &mut Context) -> Result<()> {
    context.write_often();
    let mongodb = context.deploy(async |namespace| Mongodb::deploy_encrypted(namespace, "5.0").await).await?;
    let mode = mongodb.command(&mongodb.primary().await?, doc! { "getParameter": 1, "tlsMode": 1 }).await?;
    ensure!(mode.get_str("tlsMode")? == "requireTLS", "{mode}");
    expect_clean(&mongodb.endpoint().await?).await.context("the mongodb crate")?;
    expect_clean(&mongodb.endpoint_for_pymongo().await?).await.context("PyMongo")
}

/// The primary crashes while each writer has a write under way: what became of them is unknown.
async fn notices_a_crash(mongodb: &Mongodb, endpoint: &Endpoint) -> Result<()> {
    let load = Load::start(endpoint).await?;
    let primary = mongodb.primary().await?;
    let pods = mongodb.pods().await?;
    let pod = pods.iter().find(|pod| pod.name == primary).context("the primary has a pod")?;
    let frozen = PodProcesses::find(pod.node.as_deref().context("it has a node")?, &pod.uid)?.freeze()?;
    let mut during = load.take_figures();
    let mut take_figures = || {
        let figures = load.take_figures();
        during = std::mem::take(&mut during).combine(&figures);
        figures
    };
    until("every writer waits for an answer", RECOVERED_WITHIN, async || {
        let figures: Figures = take_figures();
        let waits = figures.acknowledged == 0 && figures.took > Duration::from_millis(100);
        ensure!(waits, "{} were acknowledged", figures.acknowledged);
        Ok(())
    })
    .await?;
    frozen.kill()?;
    until("writes are acknowledged again", RECOVERED_WITHIN, async || {
        ensure!(take_figures().acknowledged > WRITERS, "they are not");
        Ok(())
    })
    .await?;
    mongodb.in_sync(RECOVERED_WITHIN).await?;
    take_figures();
    let audit = load.stop().await?;
    note!("the primary crashes: {during:?}\n{}", audit.errors.join("\n"));
    ensure!(during.unknown >= WRITERS, "{WRITERS} writes were under way, and {} are unknown", during.unknown);
    nothing_lost(&audit)
}

/// A document is deleted without the load's knowledge, as a lost write would be.
async fn names_a_lost_document(mongodb: &Mongodb, endpoint: &Endpoint) -> Result<()> {
    let load = Load::start(endpoint).await?;
    let database = mongodb.connect(&mongodb.primary().await?).await?.database("app");
    let names = database.list_collection_names().await?;
    for name in names.iter().filter(|name| name.starts_with("load_")) {
        database.collection::<Document>(name).delete_one(doc! { "_id": "writer-3/0" }).await?;
    }
    let audit = load.stop().await?;
    ensure!(audit.lost == ["writer-3/0"], "it reports as lost: {:?}", audit.lost);
    Ok(())
}
