//! # What it does
//! Declares a member more (`spec.replicas`) and waits until it is there, ready, in sync with its primary and counted by it:
//! from then on one may be away and the database has as many as before. It is made from the new template, so an image that
//! does not start is found out on it, before any of the others is touched.
//! # Safe to repeat because
//! It is done only while exactly the number before it is declared, and a number declared twice is declared.
//! # Undo
//! The row that removes it, at the end, or first of all in a rollback.
//! # Gives up when
//! The API server refuses, the new pod cannot start, or the step's deadline passes. Nobody else is touched until it is well.

use stateful_safety::Policy;

use crate::Snapshot;
use crate::goal::Goal;
use crate::steps::{StepStatus, needs_replacing};

pub(super) fn standing(name: &str, replicas: usize, goal: &Goal, snapshot: &Snapshot, policy: &Policy) -> StepStatus {
    let declared = snapshot.workload.replicas;
    if declared + 1 == replicas {
        return StepStatus::Pending;
    }
    if declared != replicas {
        return StepStatus::Stale(format!("somebody has scaled it to {declared}"));
    }
    // One made from an older template is replaced by its own row, like everybody.
    let outdated = |member| needs_replacing(goal, snapshot, member) && !snapshot.workload.declared_revision.is_empty();
    if snapshot.workload.member(name).is_some_and(outdated) {
        return StepStatus::Done;
    }
    if snapshot.is_well(name) {
        return StepStatus::Done; // whether everybody else is, too, the next row's gates ask
    }
    let reasons = snapshot.not_whole(policy, None);
    StepStatus::Running(reasons.first().map_or_else(|| format!("{name} is not in sync yet"), ToString::to_string))
}
