//! How an operation's end is told: exit code, sentence, next command.

use stateful_cluster::Error as ClusterError;
use stateful_cluster::changes::rollout::TemplateChange;
use stateful_engines::Ledger;
use stateful_operations::{Goal, Outcome, Plan, Snapshot, Stop, WorldError};
use stateful_safety::Version;

use crate::context::{Context, Opened};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{OperationReport, print_operation};

/// Exit code and reason.
pub(super) fn told(outcome: &Outcome, canary: Option<&Ledger>) -> (Exit, Option<String>) {
    match outcome {
        Outcome::Finished => match canary {
            Some(Ledger { lost, .. }) if *lost > 0 => {
                (Exit::NeedsHuman, Some(format!("the canary lost {lost} acknowledged writes")))
            }
            Some(_) | None => (Exit::Done, None),
        },
        Outcome::Stopped(stop) => {
            let exit = match stop {
                Stop::TimedOut { .. } => Exit::TimedOut,
                Stop::Interrupted { .. } => Exit::Interrupted,
                Stop::NeedsHuman { .. } => Exit::NeedsHuman,
                Stop::World(WorldError::Cluster(ClusterError::Unreachable(_))) => Exit::Unknown,
                Stop::World(_) => Exit::Error,
            };
            (exit, Some(stop.to_string()))
        }
    }
}

/// A new operation that cannot begin because another is there.
pub(super) fn refused(context: &Context, opened: &Opened, error: WorldError) -> Failure {
    let typed = context.typed(&opened.workload);
    match error {
        WorldError::Journal(why) => Failure::blocked(format!("{}: {why}", opened.workload.id))
            .hint(format!("go on with it: kubectl stateful resume {typed}; or end it: kubectl stateful abort {typed}")),
        error @ WorldError::Cluster(ClusterError::Claimed { .. }) => {
            let hint = format!("watch it: kubectl stateful status {typed} --watch");
            Failure::from(error).hint(hint)
        }
        error => error.into(),
    }
}

/// Whether there is a way back: the plan changes the image, and nobody runs a release whose files the image before
/// could not read.
pub(super) fn goes_back(plan: &Plan, snapshot: Option<&Snapshot>) -> bool {
    let before = &plan.origin.image;
    let changes = matches!(&plan.goal, Goal::Upgrade { change: Some(TemplateChange::Image { image, .. }), .. } if image != before);
    let running = snapshot.iter().flat_map(|snapshot| &snapshot.assessment.groups).flat_map(|group| &group.members);
    // A plan of an engine that this build does not have: whether there is a way back is not known.
    let Some(engine) = stateful_engines::find_profile(plan.engine.as_str()) else { return false };
    let newer =
        |version: &Version| Version::of_image(before).is_some_and(|old| old.is_older_release_than(version, engine));
    changes && !running.filter_map(|member| member.version.as_ref()).any(newer)
}

pub(super) fn conclude(context: &Context, opened: &Opened, report: &OperationReport) -> Exit {
    print_operation(context.printer, report);
    let exit = [Exit::Done, Exit::Error, Exit::TimedOut, Exit::NeedsHuman, Exit::Unknown, Exit::Interrupted]
        .into_iter()
        .find(|exit| *exit as u8 == report.exit_code)
        .unwrap_or(Exit::Error);
    if exit == Exit::Done {
        return exit;
    }
    let typed = context.typed(&opened.workload);
    let message = report.why.clone().unwrap_or_default();
    let back =
        if report.goes_back { format!("; or go back: kubectl stateful rollback {typed}") } else { String::new() };
    let hint = format!("nothing else was touched; go on with: kubectl stateful resume {typed}{back}");
    context.printer.failure(&Failure::new(exit, message).hint(hint))
}
