//! # What it does
//! Declares as many members as before, so that the one that was added goes: it has the highest ordinal. Its claim stays.
//! # Safe to repeat because
//! It is done only while exactly one more than before is declared, and while that one does not lead; the API server is told
//! what was seen, so a number somebody else has declared meanwhile stands.
//! # Undo
//! `kubectl scale`: the member comes back with its claim.
//! # Gives up when
//! The judge finds a reason that waiting does not mend, the API server refuses, or the step's deadline passes. Where the member
//! has become the primary what is left is drawn up anew, beginning with a switchover.

use stateful_safety::Policy;

use crate::Snapshot;
use crate::steps::StepStatus;

pub(super) fn standing(name: &str, replicas: usize, snapshot: &Snapshot, policy: &Policy) -> StepStatus {
    let declared = snapshot.workload.replicas;
    if declared == replicas {
        return match (snapshot.workload.member(name), snapshot.not_whole(policy, Some(name)).first()) {
            (Some(_), _) => StepStatus::Running(format!("{name} is ending")),
            (None, Some(reason)) => StepStatus::Running(reason.to_string()),
            (None, None) => StepStatus::Done,
        };
    }
    if declared != replicas + 1 {
        return StepStatus::Stale(format!("somebody has scaled it to {declared}"));
    }
    if snapshot.leads(name) {
        return StepStatus::Stale(format!("{name} has become a primary"));
    }
    StepStatus::Pending
}
