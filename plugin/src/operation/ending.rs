//! How the end of an operation is printed: the report, the exit code, why it stopped, and what to type next.

use stateful_cluster::Error as ClusterError;
use stateful_operations::session::{Conclusion, Ending};
use stateful_operations::{MemberLine, Progress, Stop, WorldError};

use super::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{Moved, OperationReport, print_operation, write_html};

/// The exit code of an operation that ended like this.
pub(crate) const fn exit(conclusion: &Conclusion) -> Exit {
    match conclusion {
        Conclusion::Done => Exit::Done,
        Conclusion::WritesLost(_) => Exit::NeedsHuman,
        Conclusion::Stopped(stop) => exit_of_stop(stop),
    }
}

/// The exit code of an operation that stopped for this reason.
pub(super) const fn exit_of_stop(stop: &Stop) -> Exit {
    match stop {
        Stop::TimedOut { .. } => Exit::TimedOut,
        Stop::Interrupted { .. } => Exit::Interrupted,
        Stop::NeedsHuman { .. } => Exit::NeedsHuman,
        Stop::World(WorldError::Cluster(ClusterError::Unreachable(_))) => Exit::Unknown,
        Stop::World(_) => Exit::Error,
    }
}

/// Prints how an operation ended: its report and, where it is not done, why and what to type next.
pub(super) fn print(console: &Console<'_>, ending: &Ending, heard: &[Progress]) {
    let printer = console.context.printer;
    for note in &ending.notes {
        printer.note(note);
    }
    let exit = exit(&ending.conclusion);
    let report = report(console, ending, exit, heard);
    if let Some(path) = &console.flags.report {
        match write_html(path, &report, &ending.plan, heard) {
            Ok(()) => printer.note(&format!("report written to {}", path.display())),
            Err(error) => {
                printer.note(&format!("warning: the report could not be written to {}: {error}", path.display()));
            }
        }
    }
    print_operation(printer, &report);
    if exit == Exit::Done {
        return;
    }
    let command = |verb: &str| console.context.command(verb, &console.opened.workload);
    let back = if ending.may_be_rolled_back { format!("; or go back: {}", command("rollback")) } else { String::new() };
    let hint = format!("nothing else was touched; go on with: {}{back}", command("resume"));
    printer.failure(&Failure::new(exit, report.why.unwrap_or_default()).hint(hint));
}

fn report(console: &Console<'_>, ending: &Ending, exit: Exit, heard: &[Progress]) -> OperationReport {
    let moved = Moved::all(heard);
    let workload = &console.opened.workload.id;
    let past_tense = console.verb.past_tense.unwrap_or("done");
    OperationReport {
        workload: workload.to_string(),
        name: workload.name.clone(),
        verb: ending.verb.clone(),
        operation: Some(ending.id.clone()),
        result: if exit == Exit::Done { past_tense } else { "stopped" }.to_owned(),
        exit_code: exit as u8,
        why: ending.conclusion.why(),
        began: ending.began,
        took_milliseconds: ending.took,
        longest_handover_milliseconds: moved.iter().filter_map(|moved| moved.handed_over_in_milliseconds).max(),
        moved,
        canary: ending.canary.clone(),
        members: ending.snapshot.as_ref().map(MemberLine::all).unwrap_or_default(),
    }
}
