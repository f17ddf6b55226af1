//! The load on MongoDB, through each driver: nothing is wrong while nothing happens, a crash is noticed and loses nothing, and
//! what is lost is named.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mongodb::bson::{Document, doc};
use stateful_harness::{Cluster, Endpoint, Figures, Load, Mongodb, PodProcesses, nothing_failed, nothing_lost, until};
use tokio::time::sleep;

/// An election takes 10 to 12 s from a primary's last word, and kubelet starts the container again at once.
const MENDED_WITHIN: Duration = Duration::from_mins(1);

/// Long enough for a thousand writes each.
const A_WHILE: Duration = Duration::from_secs(10);

/// The load's.
const WRITERS: usize = 8;

#[tokio::test]
async fn the_ledger_of_mongodb_notices_a_crash_and_names_what_is_lost() -> Result<()> {
    let cluster = Cluster::find()?;
    let namespace = cluster.namespace("ground-mongodb").await?;
    let mongodb = Mongodb::deploy(&namespace, "5.0").await?;
    for (driver, endpoint) in
        [("the mongodb crate", mongodb.endpoint()), ("PyMongo", mongodb.endpoint_for_pymongo().await?)]
    {
        nothing_happens(&endpoint).await.context(driver)?;
        the_primary_crashes(&mongodb, &endpoint).await.context(driver)?;
        a_document_goes(&mongodb, &endpoint).await.context(driver)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_mongodb_set_that_takes_encrypted_connections_alone_is_written_to() -> Result<()> {
    let cluster = Cluster::find()?;
    let namespace = cluster.namespace("ground-encrypted").await?;
    let mongodb = Mongodb::deploy_encrypted(&namespace, "5.0").await?;
    let told = mongodb.command(&mongodb.primary().await?, doc! { "getParameter": 1, "tlsMode": 1 }).await?;
    ensure!(told.get_str("tlsMode")? == "requireTLS", "{told}");
    for (driver, endpoint) in
        [("the mongodb crate", mongodb.endpoint()), ("PyMongo", mongodb.endpoint_for_pymongo().await?)]
    {
        nothing_happens(&endpoint).await.context(driver)?;
    }
    Ok(())
}

async fn nothing_happens(endpoint: &Endpoint) -> Result<()> {
    let load = Load::start(&endpoint).await?;
    // Not to wait for something: this is the time in which nothing happens.
    sleep(A_WHILE).await;
    let during = load.take_figures();
    let audit = load.stop().await?;
    eprintln!("nothing happens: {during:?}");
    nothing_failed(&during, &audit)
}

/// A crash, not a goodbye, while each writer has a write under way: nobody says what became of them.
async fn the_primary_crashes(mongodb: &Mongodb, endpoint: &Endpoint) -> Result<()> {
    let load = Load::start(&endpoint).await?;
    let primary = mongodb.primary().await?;
    let pods = mongodb.pods().await?;
    let pod = pods.iter().find(|pod| pod.name == primary).context("the primary has a pod")?;
    let frozen = PodProcesses::find(pod.node.as_deref().context("it has a node")?, &pod.uid)?.freeze()?;
    let mut during = load.take_figures();
    let mut page = async || {
        let page = load.take_figures();
        during = std::mem::take(&mut during).combine(&page);
        page
    };
    until("every writer waits for an answer", MENDED_WITHIN, async || {
        let page: Figures = page().await;
        ensure!(page.acknowledged == 0 && page.took > Duration::from_millis(100), "{} were given", page.acknowledged);
        Ok(())
    })
    .await?;
    frozen.kill()?;
    until("writes are taken again", MENDED_WITHIN, async || {
        ensure!(page().await.acknowledged > WRITERS, "they are not");
        Ok(())
    })
    .await?;
    mongodb.in_sync(MENDED_WITHIN).await?;
    page().await;
    let audit = load.stop().await?;
    eprintln!("the primary crashes: {during:?}\n{}", audit.errors.join("\n"));
    ensure!(during.unknown >= WRITERS, "{WRITERS} writes were under way, and {} are unknown", during.unknown);
    nothing_lost(&audit)
}

/// Behind the load's back, as a lost write would be.
async fn a_document_goes(mongodb: &Mongodb, endpoint: &Endpoint) -> Result<()> {
    let load = Load::start(&endpoint).await?;
    let database = mongodb.connect(&mongodb.primary().await?).await?.database("app");
    let names = database.list_collection_names().await?;
    for name in names.iter().filter(|name| name.starts_with("load_")) {
        database.collection::<Document>(name).delete_one(doc! { "_id": "writer-3/0" }).await?;
    }
    let audit = load.stop().await?;
    ensure!(audit.lost == ["writer-3/0"], "lost, it says: {:?}", audit.lost);
    Ok(())
}
