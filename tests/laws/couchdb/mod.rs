//! Laws of CouchDB alone, or of what stands in for it where no image of it is named (`COUCHDB_IMAGE`): three equal nodes, eight writers
//! through the Service.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use stateful_harness::{Context, Couchdb, Deployment, Engine, Group, Load, law, note, nothing_failed, until};

use crate::every_engine;

/// A node leaves the load balancers within seconds of the first step.
const SOON: Duration = Duration::from_mins(1);

/// Three nodes that come back and catch up, on two busy cores.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

pub(crate) fn groups() -> Vec<Group> {
    let mut groups = every_engine::groups::<Couchdb>();
    groups.push(Group::new(
        "couchdb-left",
        [law!(an_upgrade_killed_while_a_node_is_out_of_load_balancers_is_resumed_and_fails_no_write)],
    ));
    groups
}

/// Killed when a node has just asked load balancers to leave it out. `resume` takes that back, and goes on.
async fn an_upgrade_killed_while_a_node_is_out_of_load_balancers_is_resumed_and_fails_no_write(
    context: &mut Context,
) -> Result<()> {
    let couchdb = context.database::<Couchdb>("3.3").await?;
    note!("measured: {}", couchdb.server().await?);
    let plugin = context.plugin(couchdb.namespace())?;
    let load = Load::start(&couchdb.endpoint().await?).await?;

    let running = plugin.start(&["upgrade", "couchdb", "--version", "3.4", "-y", "--progress=json"])?;
    let left_out = until("a node is out of the load balancers", SOON, async || {
        for pod in couchdb.pods().await? {
            if couchdb.maintenance(&pod).await?.is_some() {
                return Ok(pod);
            }
        }
        bail!("none is")
    })
    .await?;
    running.kill().await?;
    let mode = couchdb.maintenance(&left_out).await?;
    ensure!(mode.as_deref() == Some("nolb"), "{} is not as it was left: {mode:?}", left_out.name);
    let checked = plugin.run(&["check", "couchdb"]).await?.expect(3)?;
    for word in ["STF-CD-001", "kubectl stateful resume couchdb"] {
        ensure!(format!("{checked}").contains(word), "\"{word}\" is not reported:\n{checked}");
    }
    let resumed = plugin.run(&["resume", "couchdb", "-y", "--canary", "-o", "json"]).await?.expect(0)?;
    let taken_back = format!("{} is out of maintenance mode", left_out.name);
    ensure!(format!("{resumed}").contains(&taken_back), "it is not reported that this was taken back:\n{resumed}");
    let canary = resumed.json()?["canary"].clone();
    ensure!(canary["lost"] == 0 && canary["acknowledged"].as_u64() > Some(0), "the canary: {canary}");

    let during = load.take_figures();
    note!("3.3 to 3.4, killed once: {during:?}; resumed in {:?}, canary {canary}", resumed.took);
    let audit = load.stop().await?;
    couchdb.in_sync(SETTLED_WITHIN).await?;
    couchdb.expect_image("3.4").await?;
    for pod in couchdb.pods().await? {
        ensure!(couchdb.maintenance(&pod).await?.is_none(), "{} stays out of the load balancers", pod.name);
    }
    nothing_failed(&during, &audit)
}
