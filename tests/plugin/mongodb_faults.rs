//! MongoDB, and what goes wrong while it is moved: the machine that moves it dies, a member dies, a node is cut off. Whatever it
//! is: it is finished, or stops where it is safe and says how to go on, and nothing acknowledged is lost.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use stateful_harness::{
    Cluster, Ended, Load, Mongodb, Namespace, Plugin, PodProcesses, cut_off, nothing_failed, nothing_lost, until,
};

use crate::deaths::{die_at_each_step, new_step};
use crate::mongodb::{SHORT_GOODBYE, all_run, told};
use crate::postgres::handing_over;

/// Three members are replaced, one hands over, and three steps are about the StatefulSet.
const STEPS: usize = 7;

/// An election that nobody prepared takes 10 to 12 s, and a container that died again is started 10 s later.
const SETTLED_WITHIN: Duration = Duration::from_mins(3);

#[tokio::test]
async fn killed_at_each_step_of_an_upgrade_of_mongodb_resume_finishes_and_loses_nothing() -> Result<()> {
    let cluster = Cluster::beside_others().await?;
    let namespace = cluster.namespace("law-mongodb-killed").await?;
    let (mongodb, plugin) = deployed(&cluster, &namespace).await?;
    let load = Load::start(&mongodb.endpoint()).await?;
    die_at_each_step(&plugin, &["upgrade", "mongo", "--version", "6.0"], &["resume", "mongo"], STEPS).await?;
    let during = load.take_figures();
    told("killed at each step", &during);
    nothing_failed(&during, &load.stop().await?)?;
    all_run(&mongodb, "6.0").await
}

/// Whose server dies, without a word, at the beginning of each step.
#[derive(Clone, Copy)]
enum Whose {
    /// The set elects somebody else by itself.
    Primarys,
    /// One that is needed: the successor where the role moves, else the one that stays while the other is replaced, so that for
    /// a while no majority is there.
    Secondarys,
}

#[tokio::test]
#[ignore = "four minutes: `make faults`"]
async fn a_primary_that_dies_at_each_step_of_an_upgrade_loses_nothing() -> Result<()> {
    members_die("law-mongodb-members-die", Whose::Primarys).await
}

#[tokio::test]
#[ignore = "two minutes: `make faults`"]
async fn a_secondary_that_dies_at_each_step_of_an_upgrade_loses_nothing() -> Result<()> {
    members_die("law-mongodb-secondaries-die", Whose::Secondarys).await
}

async fn members_die(namespace: &str, whose: Whose) -> Result<()> {
    let cluster = Cluster::alone().await?;
    let namespace = cluster.namespace(namespace).await?;
    let (mongodb, plugin) = deployed(&cluster, &namespace).await?;
    let load = Load::start(&mongodb.endpoint()).await?;
    let mut died_at = BTreeSet::new();
    let mut words = vec!["upgrade", "mongo", "--version", "6.0", "-y", "--progress=json"];
    loop {
        let mut running = plugin.start(&words)?;
        while let Some(step) = new_step(&mut running, &died_at).await? {
            let victim = crash(&mongodb, whose, &step).await?;
            eprintln!("{victim} died at: {step}");
            died_at.insert(step);
            ensure!(died_at.len() <= 3 * STEPS, "there is no end to it: {died_at:?}");
        }
        let ended = running.end().await?;
        if ended.code == Some(0) {
            break;
        }
        is_stopped_safely(&ended)?;
        mongodb.in_sync(SETTLED_WITHIN).await?;
        words = vec!["resume", "mongo", "-y", "--progress=json"];
    }
    // Elections may leave nobody to hand over: whoever leads in the end has been replaced already.
    ensure!(died_at.len() >= STEPS - 1, "these are not all the steps: {died_at:?}");
    told("a member dies at each step", &load.take_figures());
    nothing_lost(&load.stop().await?)?;
    all_run(&mongodb, "6.0").await
}

#[tokio::test]
#[ignore = "two minutes: `make faults`"]
async fn a_node_cut_off_in_a_handover_of_mongodb_loses_nothing() -> Result<()> {
    let cluster = Cluster::alone().await?;
    let namespace = cluster.namespace("law-mongodb-cut-off").await?;
    let (mongodb, plugin) = deployed(&cluster, &namespace).await?;
    let load = Load::start(&mongodb.endpoint()).await?;
    let primary = mongodb.primary().await?;
    let pods = mongodb.pods().await?;
    let node = pods.iter().find(|pod| pod.name == primary).and_then(|pod| pod.node.clone()).context("it has a node")?;
    let mut running =
        plugin.start(&["switchover", "mongo", "--from", &primary, "-y", "--progress=json", "--step-timeout", "40s"])?;
    handing_over(&mut running).await?;
    let cut = cut_off(&node).await?;
    let ended = running.end().await;
    cut.heal().await?;
    let ended = ended?;
    mongodb.in_sync(SETTLED_WITHIN).await?;
    if ended.code != Some(0) {
        is_stopped_safely(&ended)?;
        plugin.run(&["resume", "mongo", "-y"]).await?.expect(0)?;
    }
    told("its node cut off", &load.take_figures());
    nothing_lost(&load.stop().await?)?;
    mongodb.in_sync(SETTLED_WITHIN).await
}

async fn deployed<'a>(cluster: &Cluster, namespace: &'a Namespace) -> Result<(Mongodb, Plugin)> {
    let mongodb = Mongodb::deploy_with(namespace, "5.0", &[SHORT_GOODBYE]).await?;
    Ok((mongodb, Plugin::find(cluster)?.within(namespace)))
}

/// Out of time, in need of a human, or not known: and what to type.
fn is_stopped_safely(ended: &Ended) -> Result<()> {
    ensure!(matches!(ended.code, Some(4 | 6 | 7)), "{ended}");
    ensure!(ended.stderr.contains("kubectl stateful resume mongo"), "it does not say how to go on:\n{ended}");
    Ok(())
}

/// Crashes a member at a step, and says which.
async fn crash(mongodb: &Mongodb, whose: Whose, step: &str) -> Result<String> {
    let primary = until("somebody leads", SETTLED_WITHIN, async || mongodb.primary().await).await?;
    let pods = mongodb.pods().await?;
    let needed = |name: &String| match whose {
        Whose::Primarys => *name == primary,
        Whose::Secondarys if step.ends_with(&format!("to {name}")) => true,
        Whose::Secondarys => *name != primary && !step.contains(name.as_str()) && !step.contains(" to mongo-"),
    };
    let pod = pods.iter().find(|pod| needed(&pod.name)).with_context(|| format!("nobody to die at: {step}"))?;
    PodProcesses::find(pod.node.as_deref().context("it has a node")?, &pod.uid)?.freeze()?.kill()?;
    Ok(pod.name.clone())
}
