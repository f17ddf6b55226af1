//! The guard's leader dies while nobody leads the database, because of it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use stateful_harness::{
    Cluster, GUARD_NAMESPACE, Guard, KubectlDrain, Load, Namespace, Plugin, PodProcesses, Postgres, nothing_lost, until,
};
use tokio::time::sleep;

use crate::postgres::{is_left, its_primary};

/// A drain asks after five seconds at most, the leader looks at once, and prepares for a second or two: of its own time, and
/// it has a tenth of it.
const BEGUN_WITHIN: Duration = Duration::from_mins(1);

/// Long enough for the next order, and shorter than what it takes: a fast stop of a server that has little to do takes 30 ms.
const MOMENT: Duration = Duration::from_millis(5);

/// Eight writers have some forty answers by then, or none.
const BETWEEN_MOMENTS: Duration = Duration::from_millis(50);

/// What a dead leader held runs out after ten seconds; its successor needs as many for what it finds.
const LED_AGAIN_WITHIN: Duration = Duration::from_mins(1);

/// All of it, an eviction, and a drain that asks every five seconds.
const DRAINED_WITHIN: Duration = Duration::from_mins(3);

#[tokio::test]
async fn a_leader_that_dies_in_the_pause_of_a_handover_leaves_one_primary_and_loses_nothing() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-leader-dies").await?;
    let postgres = Postgres::deploy(&namespace, "15.18").await?;
    guard.watches(&namespace).await?;
    guard.policy(&namespace, "\"onEviction\":\"HandOver\"").await?;
    let load = Load::start(&postgres.endpoint("postgres-primary").await?).await?;
    let (primary, node) = its_primary(&postgres).await?;

    let drain = KubectlDrain::start(&cluster, &node, &[])?;
    let ended = async {
        let dead = kill_the_leader_in_the_pause(&guard, &postgres, &load).await?;
        let killed = Instant::now();
        ensure!(postgres.primary().await.is_err(), "somebody led when {dead} was killed: it was not the pause");
        unfinished(&namespace).await?;
        until("one leads again", LED_AGAIN_WITHIN, async || postgres.primary().await.map(drop)).await?;
        eprintln!("one led again {:?} after the guard's leader had died", killed.elapsed());
        drained(drain, &cluster, &node).await?;
        let leads = guard.leader().await?["metadata"]["name"].clone();
        ensure!(leads != *dead, "{dead} leads, and is dead");
        Ok(())
    }
    .await;
    KubectlDrain::uncordon(&cluster, &node).await?;
    guard.forget_policy(&namespace).await?;
    ended?;
    is_left(&postgres, &primary, &node).await?;
    let history = Plugin::find(&cluster)?.within(&namespace).run(&["history", "postgres"]).await?.expect(0)?;
    eprintln!("{}", history.stdout);
    let figures = load.take_figures();
    let audit = load.stop().await?;
    eprintln!("{figures:?}, {} acknowledged", audit.acknowledged);
    guard.ready(2).await?;
    nothing_lost(&audit)
}

/// Kills the process when writes stall and nobody leads: the old primary has been told to stop. A handover is too quick for
/// that, and may be over before a single write has gone wrong: so the process stands still but for moments, which are
/// shorter than a server's stop. Then its pod too, so that another replica has to take over what it did.
async fn kill_the_leader_in_the_pause(guard: &Guard, postgres: &Postgres, load: &Load) -> Result<String> {
    let leader = guard.leader().await?;
    let text = |pointer: &str| leader.pointer(pointer).and_then(|word| word.as_str()).context("a word of its pod");
    let (name, uid, node) = (text("/metadata/name")?, text("/metadata/uid")?, text("/spec/nodeName")?);
    let processes = PodProcesses::find(node, uid)?.freeze()?;
    let began = Instant::now();
    loop {
        processes.run_for(MOMENT).await?;
        sleep(BETWEEN_MOMENTS).await; // what was asked of a server in the moment happens now
        let page = load.take_figures();
        let stalls = page.acknowledged == 0 || page.failed + page.unknown > 0;
        if stalls && postgres.primary().await.is_err() {
            break;
        }
        ensure!(began.elapsed() < BEGUN_WITHIN, "there was no pause");
    }
    processes.kill()?;
    let kill = ["delete", "pod", name, "--namespace", GUARD_NAMESPACE, "--grace-period", "0", "--force"];
    guard.cluster().kubectl(&kill).await?;
    Ok(name.to_owned())
}

/// The journal says that a handover of the guard's was begun and did not end.
async fn unfinished(namespace: &Namespace) -> Result<()> {
    let plugin = Plugin::find(namespace.cluster())?.within(namespace);
    let history = plugin.run(&["history", "postgres", "-o", "json"]).await?.expect(0)?;
    ensure!(history.stdout.contains("guard handover"), "nothing was begun:\n{}", history.stdout);
    eprintln!("{}", history.stdout);
    Ok(())
}

/// Waits for the drain's end. One whose question met the dead replica was answered 500 by the API server, with which
/// kubectl gives up: then somebody types it again.
async fn drained(drain: KubectlDrain, cluster: &Cluster, node: &str) -> Result<()> {
    let (code, said) = drain.end(DRAINED_WITHIN).await?;
    if code == Some(0) {
        return Ok(());
    }
    ensure!(said.contains("failed calling webhook"), "the drain failed:\n{said}");
    KubectlDrain::start(cluster, node, &[])?.finish(DRAINED_WITHIN).await.map(drop)
}
