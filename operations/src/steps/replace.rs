//! # What it does
//! Evicts a replica's pod, by UID, and waits until its successor is ready, runs what it should, is in sync with its
//! primary, and every member knows its new address.
//! # Safe to repeat because
//! A member that already runs what it should, where it should, is not evicted again; an eviction names the UID it means.
//! # Undo
//! None needed: the member comes back with its volume. To its old version by `kubectl stateful rollback`.
//! # Gives up when
//! The judge finds a reason that waiting does not mend (it has become a primary), the new pod cannot start, or the
//! step's deadline passes. Whatever happens, no other member is touched meanwhile.

use stateful_safety::{Disruption, Member, Policy, Reason};

use crate::Snapshot;
use crate::goal::Goal;
use crate::steps::StepStatus;

/// Whether the goal is not yet met by a member's pod.
pub(crate) fn needs_replacing(goal: &Goal, snapshot: &Snapshot, member: &Member) -> bool {
    match goal {
        Goal::Upgrade { .. } => !snapshot.workload.is_current(member),
        Goal::EvacuateNode { node } => member.node.as_ref() == Some(node),
        Goal::Switchover { .. } | Goal::Finalize { .. } => false,
    }
}

pub(super) fn standing(name: &str, goal: &Goal, snapshot: &Snapshot, policy: &Policy) -> StepStatus {
    let Some(member) = snapshot.workload.member(name) else {
        return StepStatus::Running(format!("there is no new pod of {name} yet"));
    };
    if member.terminating {
        return StepStatus::Running(format!("the old pod of {name} is ending"));
    }
    if matches!(goal, Goal::Upgrade { .. }) && snapshot.workload.declared_revision.is_empty() {
        return StepStatus::Running("the controller has not made a revision of the template yet".to_owned());
    }
    if needs_replacing(goal, snapshot, member) {
        if snapshot.leads(name) {
            return StepStatus::Stale(format!("{name} has become a primary"));
        }
        return StepStatus::Pending;
    }
    match snapshot.not_whole(policy, None).first() {
        None => StepStatus::Done,
        Some(reason) => StepStatus::Running(reason.to_string()),
    }
}

/// The judge's reasons against taking it.
pub(super) fn refused(name: &str, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
    snapshot.against(policy, &Disruption::Take { members: vec![name.to_owned()] })
}
