//! CouchDB, or what stands in for it where no image of it is named (`COUCHDB_IMAGE`): three equals, eight writers through the
//! Service. What is measured is printed by its own word.

use std::time::Duration;

use anyhow::{Result, ensure};
use stateful_harness::{Cluster, Couchdb, Load, Plugin, nothing_failed, until};

/// A node looks away from load balancers within seconds of the first step.
const SOON: Duration = Duration::from_mins(1);

/// Three nodes that come back and catch up, on two busy cores.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

/// Killed when a node has just asked load balancers to leave it. Whoever takes it up takes that back, and goes on.
#[tokio::test]
async fn an_upgrade_of_couchdb_killed_while_a_node_looks_away_is_finished_by_another_and_fails_no_write() -> Result<()>
{
    let cluster = Cluster::beside_others().await?;
    let namespace = cluster.namespace("law-couchdb").await?;
    let couchdb = Couchdb::deploy(&namespace, "3.3").await?;
    eprintln!("measured: {}", couchdb.server().await?);
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let load = Load::start(&couchdb.endpoint().await?).await?;

    let running = plugin.start(&["upgrade", "couchdb", "--version", "3.4", "-y", "--progress=json"])?;
    let away = until("a node looks away", SOON, async || {
        for pod in couchdb.pods().await? {
            if couchdb.maintenance(&pod).await?.is_some() {
                return Ok(pod);
            }
        }
        anyhow::bail!("none does")
    })
    .await?;
    running.kill().await?;
    ensure!(couchdb.maintenance(&away).await?.as_deref() == Some("nolb"), "{} is not as it was left", away.name);
    let checked = plugin.run(&["check", "couchdb"]).await?.expect(3)?;
    for word in ["STF-CD-001", "kubectl stateful resume couchdb"] {
        ensure!(format!("{checked}").contains(word), "\"{word}\" is not said:\n{checked}");
    }
    let resumed = plugin.run(&["resume", "couchdb", "-y", "--canary", "-o", "json"]).await?.expect(0)?;
    let taken_back = format!("{} is out of maintenance mode", away.name);
    ensure!(format!("{resumed}").contains(&taken_back), "nobody has taken it back:\n{resumed}");
    let canary = resumed.json()?["canary"].clone();
    ensure!(canary["lost"] == 0 && canary["acknowledged"].as_u64() > Some(0), "the canary: {canary}");

    let during = load.take_figures();
    eprintln!("3.3 to 3.4, killed once: {during:?}; resumed in {:?}, canary {canary}", resumed.took);
    let audit = load.stop().await?;
    couchdb.in_sync(SETTLED_WITHIN).await?;
    for pod in couchdb.pods().await? {
        ensure!(pod.image.ends_with(":3.4"), "{} runs {}", pod.name, pod.image);
        ensure!(couchdb.maintenance(&pod).await?.is_none(), "{} looks away for good", pod.name);
    }
    nothing_failed(&during, &audit)
}
