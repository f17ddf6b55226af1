//! A member dies, or a node is cut off, while the set is upgraded. The operation is finished, or stops where it is safe and reports how to
//! go on, and nothing acknowledged is lost.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use stateful_harness::{
    Context, Deployment, Ended, Engine, Load, Mongodb, PodProcesses, cut_off, note, nothing_lost, until,
};

use super::SETTLED_WITHIN;
use crate::every_engine::{expect_version, next_new_step};

/// Whose server dies, without a goodbye, at the beginning of each step.
#[derive(Clone, Copy)]
enum Victim {
    /// The set elects another primary by itself.
    Primary,
    /// A secondary that is needed: the successor where the primary moves, else the one that stays while the other is replaced, so that
    /// for a while there is no majority.
    Secondary,
}

pub(super) async fn a_primary_that_dies_at_each_step_of_an_upgrade_loses_nothing(context: &mut Context) -> Result<()> {
    upgrade_while_members_die(context, Victim::Primary).await
}

pub(super) async fn a_secondary_that_dies_at_each_step_of_an_upgrade_loses_nothing(
    context: &mut Context,
) -> Result<()> {
    upgrade_while_members_die(context, Victim::Secondary).await
}

async fn upgrade_while_members_die(context: &mut Context, victim: Victim) -> Result<()> {
    let mongodb = context.fresh_database::<Mongodb>("5.0").await?;
    let plugin = context.plugin(mongodb.namespace())?;
    let load = Load::start(&mongodb.endpoint().await?).await?;
    let mut died_at = BTreeSet::new();
    let mut words = vec!["upgrade", "mongo", "--version", "6.0", "-y", "--progress=json"];
    loop {
        let mut running = plugin.start(&words)?;
        while let Some(step) = next_new_step(&mut running, &died_at).await? {
            let member = crash(&mongodb, victim, &step).await?;
            note!("{member} died at: {step}");
            died_at.insert(step);
            ensure!(died_at.len() <= 3 * Mongodb::UPGRADE_STEPS, "it does not end: {died_at:?}");
        }
        let ended = running.end().await?;
        if ended.code == Some(0) {
            break;
        }
        expect_safe_stop(&ended)?;
        mongodb.in_sync(SETTLED_WITHIN).await?;
        words = vec!["resume", "mongo", "-y", "--progress=json"];
    }
    // After elections no switchover may be left to do: the last primary has been replaced already.
    ensure!(died_at.len() >= Mongodb::UPGRADE_STEPS - 1, "these are not all the steps: {died_at:?}");
    note!("a member dies at each step: {:?}", load.take_figures());
    nothing_lost(&load.stop().await?)?;
    expect_version(&mongodb, "6.0").await
}

pub(crate) async fn a_node_that_is_cut_off_during_a_switchover_loses_nothing(context: &mut Context) -> Result<()> {
    let mongodb = context.fresh_database::<Mongodb>("5.0").await?;
    let plugin = context.plugin(mongodb.namespace())?;
    let load = Load::start(&mongodb.endpoint().await?).await?;
    let primary = mongodb.primary().await?;
    let pods = mongodb.pods().await?;
    let node = pods.iter().find(|pod| pod.name == primary).and_then(|pod| pod.node.clone()).context("it has a node")?;
    let switchover = ["switchover", "mongo", "--from", &primary, "-y", "--progress=json", "--step-timeout", "40s"];
    let mut running = plugin.start(&switchover)?;
    running.switchover_started().await?;
    let heal = context.undo_afterwards(format!("{node} is connected again"), {
        let node = node.clone();
        async move { stateful_harness::heal(&node).await }
    });
    cut_off(&node).await?;
    let ended = running.end().await?;
    heal.now().await?;
    mongodb.in_sync(SETTLED_WITHIN).await?;
    if ended.code != Some(0) {
        expect_safe_stop(&ended)?;
        plugin.run(&["resume", "mongo", "-y"]).await?.expect(0)?;
    }
    note!("its node cut off: {:?}", load.take_figures());
    nothing_lost(&load.stop().await?)?;
    mongodb.in_sync(SETTLED_WITHIN).await
}

/// Out of time, in need of a human, or of an unknown result; and reporting what to type.
fn expect_safe_stop(ended: &Ended) -> Result<()> {
    ensure!(matches!(ended.code, Some(4 | 6 | 7)), "{ended}");
    ensure!(ended.stderr.contains("kubectl stateful resume mongo"), "it does not report how to go on:\n{ended}");
    Ok(())
}

/// Crashes a member at a step, and returns its name.
async fn crash(mongodb: &Mongodb, victim: Victim, step: &str) -> Result<String> {
    let primary = until("there is a primary", SETTLED_WITHIN, async || mongodb.primary().await).await?;
    let pods = mongodb.pods().await?;
    let is_victim = |name: &String| match victim {
        Victim::Primary => *name == primary,
        Victim::Secondary if step.ends_with(&format!("to {name}")) => true,
        Victim::Secondary => *name != primary && !step.contains(name.as_str()) && !step.contains(" to mongo-"),
    };
    let pod = pods.iter().find(|pod| is_victim(&pod.name)).with_context(|| format!("no member can die at: {step}"))?;
    PodProcesses::find(pod.node.as_deref().context("it has a node")?, &pod.uid)?.freeze()?.kill()?;
    Ok(pod.name.clone())
}
