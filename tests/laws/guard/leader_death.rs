//! The guard's leader dies in a switchover of its own, while the database has no primary because of it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use stateful_harness::{
    Context, Deployment, Engine, Guard, KubectlDrain, Load, Namespace, PodProcesses, Postgres, note, nothing_lost,
    until,
};
use tokio::time::sleep;

use crate::every_engine::{expect_left, node_of};

/// A drain asks after five seconds at most, and the leader observes and prepares for a second or two: of its own time, of which it has a
/// tenth.
const BEGUN_WITHIN: Duration = Duration::from_mins(1);

/// How long the leader runs at a time: long enough for its next request, and shorter than what the request takes. A fast shutdown of a
/// server that has little to do takes 30 ms.
const MOMENT: Duration = Duration::from_millis(5);

/// Eight writers have some forty answers by then, or none.
const BETWEEN_MOMENTS: Duration = Duration::from_millis(50);

/// A dead leader's lease expires after ten seconds; its successor needs as many for what it finds.
const PRIMARY_AGAIN_WITHIN: Duration = Duration::from_mins(1);

/// All of it, an eviction, and a drain that asks every five seconds.
const DRAINED_WITHIN: Duration = Duration::from_mins(3);

/// Members that come back and catch up.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

pub(super) async fn a_leader_that_dies_in_a_switchovers_pause_leaves_one_primary(context: &mut Context) -> Result<()> {
    let guard = context.own_guard().await?;
    let postgres = context.database::<Postgres>("15.18").await?;
    let namespace = postgres.namespace();
    guard.watch(namespace).await?;
    let _ = guard.policy(namespace, &json!({"onEviction": "HandOver"})).await?;
    context.nodes().await?;
    let load = Load::start(&postgres.endpoint().await?).await?;
    let primary = postgres.primary().await?;
    let node = node_of(&postgres, &primary).await?;

    let cordon = context.uncordon_afterwards(&node);
    let drain = KubectlDrain::start(namespace, &node)?;
    let dead = kill_the_leader_in_the_pause(&guard, &postgres, &load).await?;
    let killed = Instant::now();
    ensure!(postgres.primary().await.is_err(), "there was a primary when {dead} was killed: it was not the pause");
    expect_unfinished(context, namespace).await?;
    until("there is a primary again", PRIMARY_AGAIN_WITHIN, async || postgres.primary().await.map(drop)).await?;
    note!("there was a primary again {:?} after the guard's leader had died", killed.elapsed());
    finish(drain, namespace, &node).await?;
    let leader = guard.leader().await?["metadata"]["name"].clone();
    ensure!(leader != *dead, "{dead} is leader, and is dead");
    cordon.now().await?;
    postgres.in_sync(SETTLED_WITHIN).await?;
    ensure!(postgres.primary().await? != primary, "{primary} is primary again");
    expect_left(&postgres, &node).await?;
    postgres.expect_routed().await?;
    let history = context.plugin(namespace)?.run(&["history", "postgres"]).await?.expect(0)?;
    note!("{}", history.stdout);
    let during = load.take_figures();
    let audit = load.stop().await?;
    note!("{during:?}, {} acknowledged", audit.acknowledged);
    guard.ready(2).await?;
    nothing_lost(&audit)
}

/// Kills the leader's processes when writes stall and there is no primary: the old one has been told to stop. A switchover is too quick
/// for that, and may be over before a single write has gone wrong: so the processes are frozen except for moments that are shorter than a
/// server's shutdown. Then its pod is deleted too, so that another replica has to take over its work.
async fn kill_the_leader_in_the_pause(guard: &Guard, postgres: &Postgres, load: &Load) -> Result<String> {
    let leader = guard.leader().await?;
    let text = |pointer: &str| leader.pointer(pointer).and_then(|text| text.as_str()).context("its pod");
    let (name, uid, node) = (text("/metadata/name")?, text("/metadata/uid")?, text("/spec/nodeName")?);
    let processes = PodProcesses::find(node, uid)?.freeze()?;
    let began = Instant::now();
    loop {
        processes.run_for(MOMENT).await?;
        sleep(BETWEEN_MOMENTS).await; // what was requested of a server in the moment happens now
        let figures = load.take_figures();
        let stalls = figures.acknowledged == 0 || figures.failed + figures.unknown > 0;
        if stalls && postgres.primary().await.is_err() {
            break;
        }
        ensure!(began.elapsed() < BEGUN_WITHIN, "there was no pause");
    }
    processes.kill()?;
    guard.kill(name).await?;
    Ok(name.to_owned())
}

/// Fails unless the journal records that a switchover of the guard's was begun, and not that it ended.
async fn expect_unfinished(context: &Context, namespace: &Namespace) -> Result<()> {
    let history = context.plugin(namespace)?.run(&["history", "postgres", "-o", "json"]).await?.expect(0)?;
    ensure!(history.stdout.contains("guard handover"), "none was begun:\n{}", history.stdout);
    note!("{}", history.stdout);
    Ok(())
}

/// Waits for the drain's end. Where its request met the dead replica, the API server answered 500, with which kubectl gives up: then an
/// operator types it again.
async fn finish(drain: KubectlDrain, namespace: &Namespace, node: &str) -> Result<()> {
    let (code, printed) = drain.end(DRAINED_WITHIN).await?;
    if code == Some(0) {
        return Ok(());
    }
    ensure!(printed.contains("failed calling webhook"), "the drain failed:\n{printed}");
    KubectlDrain::start(namespace, node)?.finish(DRAINED_WITHIN).await.map(drop)
}
