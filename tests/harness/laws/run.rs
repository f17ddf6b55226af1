//! Runs the laws: a thread for each group, so that a law that blocks delays no other.

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use anyhow::{Context as _, Result, anyhow, ensure};
use futures::FutureExt;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::arguments::Arguments;
use super::context::Context;
use super::report::{self, Ended, Report};
use super::schedule::Schedule;
use super::{Group, Law, notes};
use crate::Cluster;
use crate::cluster::Placement;

/// Proves the laws that the command line selects. What cannot be proven here is said in one sentence; nothing passes without running.
pub fn run(groups: Vec<Group>) -> ExitCode {
    match select(groups) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(selected)) => selected.prove(),
        Err(why) => report::refuse(&why),
    }
}

struct Selected {
    groups: Vec<Group>,
    left_out: usize,
    arguments: Arguments,
    cluster: Cluster,
}

/// What the command line selects; `None` where it only asks for the names.
fn select(groups: Vec<Group>) -> Result<Option<Selected>> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let all: usize = groups.iter().map(|group| group.laws.len()).sum();
    let mut groups = groups;
    for group in &mut groups {
        group.laws.retain(|law| arguments.select(law));
    }
    groups.retain(|group| !group.laws.is_empty());
    if arguments.list {
        report::list(groups.iter().flat_map(|group| &group.laws).map(|law| law.name.as_str()));
        return Ok(None);
    }
    let selected: usize = groups.iter().map(|group| group.laws.len()).sum();
    ensure!(selected > 0, "no law has such a name: --list shows all");
    let cluster = Cluster::find()?;
    if groups.iter().any(|group| group.placement == Placement::NodesToDrain) {
        runtime()?.block_on(cluster.reserve_nodes_to_drain())?;
    }
    Ok(Some(Selected { groups, left_out: all - selected, arguments, cluster }))
}

impl Selected {
    fn prove(self) -> ExitCode {
        let Self { groups, left_out, arguments, cluster } = self;
        let laws = groups.iter().map(|group| group.laws.len()).sum();
        let mut report = Report::begin(laws, left_out, arguments.show_notes);
        let schedule = Schedule::new(arguments.at_once);
        let (interrupt, interrupted) = watch::channel(false);
        let (ended, reports) = channel();
        let threads: Vec<_> = groups
            .into_iter()
            .enumerate()
            .map(|(position, group)| {
                let (cluster, schedule) = (cluster.clone(), Arc::clone(&schedule));
                let (interrupted, ended) = (interrupted.clone(), ended.clone());
                thread::spawn(move || {
                    let mut context = Context::new(cluster, (group.name, group.placement), position, schedule);
                    prove_group(&mut context, group.laws, &interrupted, &ended);
                })
            })
            .collect();
        drop(ended);
        thread::spawn(move || wait_for_interrupt(&interrupt));
        for ended in reports {
            report.add(ended);
        }
        for thread in threads {
            // It has caught what its laws panicked with; what is left is in the report as laws that were not run.
            drop(thread.join());
        }
        report.end()
    }
}

fn wait_for_interrupt(interrupt: &watch::Sender<bool>) {
    let waits = runtime().and_then(|runtime| Ok(runtime.block_on(tokio::signal::ctrl_c())?));
    if waits.is_ok() {
        interrupt.send_replace(true);
    }
}

fn prove_group(context: &mut Context, laws: Vec<Law>, interrupted: &watch::Receiver<bool>, reports: &Sender<Ended>) {
    let Ok(runtime) = runtime() else { return }; // its laws are reported as not run
    runtime.block_on(async {
        for law in laws {
            if *interrupted.borrow() {
                break;
            }
            // The receiver lives until every group has ended.
            drop(reports.send(prove(context, law, interrupted.clone()).await));
        }
        context.end_group();
    });
}

async fn prove(context: &mut Context, law: Law, mut interrupted: watch::Receiver<bool>) -> Ended {
    notes::begin();
    context.begin();
    let proof = async {
        context.take_turn().await;
        (law.prove)(&mut *context).await
    };
    let result = tokio::select! {
        proven = AssertUnwindSafe(proof).catch_unwind() => {
            proven.unwrap_or_else(|panic| Err(anyhow!("it panicked: {}", text_of(&*panic))))
        }
        _ = interrupted.wait_for(|interrupted| *interrupted) => Err(anyhow!("interrupted")),
    };
    let cleaned = context.clean_up(result.is_ok()).await;
    let result = match (result, cleaned) {
        (Err(why), Err(also)) => Err(why.context(format!("{also:#}; and before that"))),
        (result, cleaned) => result.and(cleaned),
    };
    Ended { law: law.name, result, notes: notes::take(), times: context.end() }
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

fn runtime() -> Result<Runtime> {
    Builder::new_current_thread().enable_all().build().context("no runtime")
}
