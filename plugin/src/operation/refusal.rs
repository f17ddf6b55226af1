//! Why an operation did not begin, as a failure: one sentence, an exit code, the next command to type.

use jiff::{Timestamp, Unit};
use stateful_cluster::Error as ClusterError;
use stateful_operations::WorldError;
use stateful_operations::session::{NotSafe, SessionError, most_telling};
use stateful_safety::{Policy, Workload};

use super::ending::exit_of_stop;
use crate::cli::OperationFlags;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{CheckReport, print_check};

/// Why a session failed. Where the database is not safe to move, every check is printed with its result.
pub(crate) fn failure(context: &Context, workload: &Workload, policy: &Policy, error: SessionError) -> Failure {
    let id = &workload.id;
    let command = |verb: &str| context.command(verb, workload);
    let seconds = |at: Timestamp| at.round(Unit::Second).unwrap_or(at).to_string();
    let go_on = format!("go on with it: {}; or end it: {}", command("resume"), command("abort"));
    match error {
        SessionError::Held(holder) => {
            let since = holder.since.map_or_else(|| "an unknown time".to_owned(), seconds);
            Failure::blocked(format!(
                "another operation is running on {id}: {} has held its lock since {since}; nothing was touched",
                holder.identity
            ))
            .hint(format!("if that process has died: {}", command("resume")))
        }
        SessionError::Unfinished(entry) => {
            let began = seconds(Timestamp::from_millisecond(entry.began).unwrap_or_default());
            let note = entry.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
            let (verb, by) = (&entry.verb, &entry.by);
            let message = format!("{id} has an unfinished {verb} by {by} since {began}{note}; nothing was touched");
            Failure::blocked(message).hint(go_on)
        }
        SessionError::NotSafe(not_safe) => {
            print_check(context.printer, &[check_report(context, &not_safe, policy)], false);
            Failure::blocked(not_safe.summary()).hint(format!("check again with: {}", command("check")))
        }
        SessionError::Declined => Failure::declined(),
        SessionError::Interrupted => Failure::new(Exit::Interrupted, "interrupted; nothing was touched"),
        SessionError::Outdated(outdated) => outdated.into(),
        SessionError::CannotBegin(WorldError::Journal(why)) => Failure::blocked(format!("{id}: {why}")).hint(go_on),
        SessionError::CannotBegin(error @ WorldError::Cluster(ClusterError::Locked { .. })) => {
            Failure::from(error).hint(format!("watch it: {} --watch", command("status")))
        }
        SessionError::CannotBegin(error) | SessionError::World(error) => error.into(),
        SessionError::Stopped(stop) => Failure::new(exit_of_stop(&stop), stop.to_string()),
    }
}

/// Every check with its result, for a goal that was refused.
pub(crate) fn check_report(context: &Context, not_safe: &NotSafe, policy: &Policy) -> CheckReport {
    let workload = &not_safe.snapshot.workload;
    let findings = not_safe.findings(policy);
    CheckReport::new(workload.id.to_string(), not_safe.goal.to_string(), &findings, &context.typed(workload))
}

/// Why the rest of an operation cannot be planned: a reason that does not pass by waiting, or the time ran out.
pub(super) fn of_the_rest(context: &Context, not_safe: &NotSafe, flags: &OperationFlags) -> Failure {
    let typed = context.typed(&not_safe.snapshot.workload);
    if let Some(lasting) = not_safe.reasons.iter().find(|reason| !reason.may_pass()) {
        return Failure::blocked(format!("{lasting} ({})", lasting.code())).hint(lasting.next_step(&typed));
    }
    let waiting = most_telling(&not_safe.reasons).map(|reason| format!("{reason} ({})", reason.code()));
    let message = format!("out of time after {:?}, still waiting: {}", flags.step_timeout, waiting.unwrap_or_default());
    Failure::new(Exit::TimedOut, message).hint(format!(
        "go on with it later: {}; an operation that changes the image can also be rolled back",
        context.command("resume", &not_safe.snapshot.workload)
    ))
}
