//! MongoDB: a set of three moved to another release and back, nothing failed and nothing lost. Eight writers all the while,
//! as applications are: retryable writes, `w: majority`.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use stateful_harness::{Cluster, Figures, Load, Mongodb, Plugin, nothing_failed, until};

use crate::postgres::handing_over;

/// What a writer may go without an acknowledged write. What is wanted is 0.3 s; two cores with other work are slower.
const GAP: Duration = Duration::from_millis(500);

/// A member that was ended is in quiescence for 15 s before it goes.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

#[tokio::test]
async fn a_major_upgrade_of_mongodb_and_the_way_back_under_load_lose_nothing() -> Result<()> {
    let cluster = Cluster::find()?;
    let namespace = cluster.namespace("law-mongodb").await?;
    let mongodb = Mongodb::deploy(&namespace, "5.0").await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let load = Load::start(&mongodb).await?;
    let mut during = Figures::default();
    for (what, arguments, version) in [
        ("5.0 to 6.0", &["upgrade", "mongo", "--version", "6.0", "-y", "-o", "json"][..], "6.0"),
        ("back to 5.0", &["rollback", "mongo", "-y", "-o", "json"], "5.0"),
    ] {
        let ended = plugin.run(arguments).await?.expect(0)?;
        let page = load.turn_page();
        told(what, &page);
        eprintln!("it took {:?}, longest handover {} ms", ended.took, ended.json()?["longestHandoverMilliseconds"]);
        all_run(&mongodb, version).await?;
        ensure!(page.longest_gap <= GAP, "{} was not written for {:?}", page.of_key, page.longest_gap);
        during = page.and(&during);
    }
    let audit = load.stop().await?;
    nothing_failed(&during, &audit)
}

/// Final means final, and only what every member runs can be made so.
#[tokio::test]
async fn an_upgrade_of_mongodb_made_final_leaves_no_way_back_and_says_so() -> Result<()> {
    let cluster = Cluster::find()?;
    let namespace = cluster.namespace("law-mongodb-final").await?;
    let mongodb = Mongodb::deploy(&namespace, "5.0").await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let skipped = plugin.run(&["upgrade", "mongo", "--version", "7.0", "-y"]).await?.expect(3)?;
    ensure!(format!("{skipped}").contains("STF-MG-005"), "it does not say that a release is skipped:\n{skipped}");
    plugin.run(&["upgrade", "mongo", "--version", "6.0", "-y"]).await?.expect(0)?;
    let early = plugin.run(&["upgrade", "mongo", "--version", "7.0", "-y"]).await?.expect(3)?;
    for word in ["STF-MG-006", "kubectl stateful finalize mongo"] {
        ensure!(format!("{early}").contains(word), "\"{word}\" is not said:\n{early}");
    }
    let load = Load::start(&mongodb).await?;
    let ended = plugin.run(&["finalize", "mongo", "-y"]).await?.expect(0)?;
    eprintln!("made final in {:?}", ended.took);
    let during = load.turn_page();
    let audit = load.stop().await?;
    nothing_failed(&during, &audit)?;
    let again = plugin.run(&["finalize", "mongo", "-y"]).await?.expect(0)?;
    ensure!(format!("{again}").contains("unchanged"), "it did it twice:\n{again}");
    let refused = plugin.run(&["rollback", "mongo", "-y"]).await?.expect(3)?;
    ensure!(format!("{refused}").contains("STF-DB-021"), "it does not say why there is no way back:\n{refused}");
    all_run(&mongodb, "6.0").await
}

/// Killed when the journal says that a handover has begun: the members elect somebody by themselves, if need be.
#[tokio::test]
async fn killed_in_a_handover_of_mongodb_resume_finishes_and_loses_nothing() -> Result<()> {
    let cluster = Cluster::find()?;
    let namespace = cluster.namespace("law-mongodb-deaths").await?;
    let mongodb = Mongodb::deploy(&namespace, "6.0").await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let load = Load::start(&mongodb).await?;
    let successor = if mongodb.primary().await? == "mongo-1" { "mongo-2" } else { "mongo-1" };
    let mut running = plugin.start(&["switchover", "mongo", "--to", successor, "-y", "--progress=json"])?;
    handing_over(&mut running).await?;
    running.kill().await?;
    let began = Instant::now();
    let ended = plugin.run(&["resume", "mongo", "-y"]).await?.expect(0)?;
    eprintln!("resumed in {:?}:\n{ended}", began.elapsed());
    until("the successor leads", SETTLED_WITHIN, async || {
        let leader = mongodb.primary().await?;
        ensure!(leader == successor, "{leader} does");
        Ok(())
    })
    .await?;
    mongodb.in_sync(SETTLED_WITHIN).await?;
    let during = load.turn_page();
    told("a death", &during);
    let audit = load.stop().await?;
    nothing_failed(&during, &audit)
}

fn told(what: &str, during: &Figures) {
    eprintln!("{what}: {during:?}");
}

async fn all_run(mongodb: &Mongodb<'_>, version: &str) -> Result<()> {
    for pod in mongodb.pods().await? {
        ensure!(pod.image.ends_with(&format!(":{version}")), "{} runs {}", pod.name, pod.image);
    }
    mongodb.in_sync(SETTLED_WITHIN).await
}
