//! Runs an operation for a verb: asks, claims, carries out, watches with a canary, reports.

pub(crate) mod canary;
mod ending;
mod interrupt;

use std::time::Duration;

use stateful_operations::journal::Entry;
use stateful_operations::{Outcome, Plan, TimeLimits, World, execute};

use crate::cli::OperationFlags;
use crate::context::{Context, Opened, policy, who};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{Moved, OperationReport, Reporter, can_ask, plan_text, write_html};
use crate::verb::Verb;
use canary::Canary;

/// How long a claim of somebody who may be dead is waited for: it runs out by itself after ten seconds.
const CLAIM_PATIENCE: Duration = Duration::from_secs(20);

/// An operation about to run.
pub(crate) struct Operation<'a> {
    pub(crate) verb: &'static Verb,
    pub(crate) opened: &'a Opened,
    pub(crate) plan: Plan,
    /// The operation taken up again, if it is not a new one.
    pub(crate) resumed: Option<&'a Entry>,
    pub(crate) flags: &'a OperationFlags,
}

/// Without a terminal there is nobody to ask: refused before anything is read.
pub(crate) fn must_be_able_to_ask(flags: &OperationFlags) -> Result<(), Failure> {
    if flags.confirm.yes || can_ask() {
        return Ok(());
    }
    Err(Failure::usage("there is no terminal to ask on; say --yes to go ahead without being asked"))
}

/// Shows a plan and asks. `false` when the user does not want it.
pub(crate) fn agreed(context: &Context, plan: &Plan, flags: &OperationFlags) -> bool {
    context.printer.note(&plan_text(context.printer, plan));
    flags.confirm.yes || context.printer.ask("\nGo ahead?")
}

/// Runs it. The report says how it ended, well or not; a failure is returned only when it never began.
pub(crate) async fn run(context: &Context, operation: Operation<'_>) -> Result<OperationReport, Failure> {
    let Operation { verb, opened, plan, resumed, flags } = operation;
    let live = &opened.live;
    let began = live.now();
    let id = match resumed {
        None => live
            .begin(&opened.workload, verb.name, &who(), &plan, CLAIM_PATIENCE)
            .await
            .map_err(|error| ending::refused(context, opened, error))?,
        Some(entry) => {
            live.redrawn(&who(), &plan).await?;
            entry.id.clone()
        }
    };
    let (reporter, listener) = Reporter::start(context.printer, flags.progress);
    let interrupt = interrupt::listen(context, listener.clone());
    live.tell(Some(listener));
    let canary = if flags.canary { Some(Canary::start(live)) } else { None };
    let limits = TimeLimits { whole: Some(flags.timeout).filter(|whole| !whole.is_zero()), step: flags.step_timeout };
    let outcome = execute(live.as_ref(), plan.clone(), &policy(&flags.policy), limits, &who()).await;
    let last_look = live.snapshot().await.ok();
    let ledger = match canary {
        Some(canary) => canary.end().await.map_err(|why| context.printer.note(&format!("warning: {why}"))).ok(),
        None => None,
    };
    interrupt.abort();
    live.tell(None);
    let heard = reporter.heard().await;
    if matches!(outcome, Outcome::Stopped(_)) {
        take_back(context, opened).await;
    }
    let closed = match &outcome {
        Outcome::Finished => live.finish(ledger.clone()).await,
        Outcome::Stopped(_) => live.let_go().await,
    };
    if let Err(error) = closed {
        context.printer.note(&format!("warning: the end could not be recorded: {error}"));
    }
    let (exit, why) = ending::told(&outcome, ledger.as_ref());
    let moved = Moved::all(&heard);
    let report = OperationReport {
        workload: opened.workload.id.to_string(),
        name: opened.workload.id.name.clone(),
        verb: verb.name.to_owned(),
        operation: Some(id),
        goes_back: ending::goes_back(&plan, last_look.as_ref()),
        result: if exit == Exit::Done { verb.past_tense.unwrap_or("done") } else { "stopped" }.to_owned(),
        exit_code: exit as u8,
        why,
        began,
        took_milliseconds: live.now() - began,
        longest_handover_milliseconds: moved.iter().filter_map(|moved| moved.handed_over_in_milliseconds).max(),
        moved,
        canary: ledger,
        members: last_look.as_ref().map(stateful_operations::MemberLine::all).unwrap_or_default(),
    };
    if let Some(path) = &flags.report {
        match write_html(path, &report, &plan, &heard) {
            Ok(()) => context.printer.note(&format!("report written to {}", path.display())),
            Err(error) => context.printer.note(&format!("warning: no report: {}: {error}", path.display())),
        }
    }
    Ok(report)
}

/// Waits for the claim of an operation somebody left, then takes it over.
pub(crate) async fn take_over(context: &Context, opened: &Opened, entry: &Entry) -> Result<(), Failure> {
    if let Some(holder) = opened.live.holder(&opened.workload).await? {
        let holder = holder.identity;
        context.printer.note(&format!("waiting for the claim of {holder} to run out, if nobody is behind it any more"));
    }
    let taken = opened.live.take_over(&opened.workload, entry, &who(), CLAIM_PATIENCE, None).await;
    taken.map_err(|error| ending::refused(context, opened, error))?;
    take_back(context, opened).await;
    Ok(())
}

/// Nothing that was only meant to last until a member's restart outlasts whoever was to restart it.
async fn take_back(context: &Context, opened: &Opened) {
    for told in opened.live.take_back().await {
        context.printer.note(&told);
    }
}

/// Takes the claim of a database that is about to leave a node, before anything has begun.
pub(crate) async fn reserve(context: &Context, opened: &Opened, node: &str) -> Result<(), Failure> {
    let reserved = opened.live.reserve(&opened.workload, "drain", &who(), node, CLAIM_PATIENCE).await;
    reserved.map_err(|error| ending::refused(context, opened, error))
}

/// Prints a report's end and gives the exit code: why it stopped, and what to type next.
pub(crate) fn conclude(context: &Context, opened: &Opened, report: &OperationReport) -> Exit {
    ending::conclude(context, opened, report)
}
