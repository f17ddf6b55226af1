//! # What it does
//! Asks the engine once more for a switchover that somebody began and nobody saw the end of, while nobody leads the group:
//! whoever has everything leads then, be it the successor or the old primary. What is left of the plan is drawn up after it.
//! # Safe to repeat because
//! It is done only while nobody leads, and only between the two the journal names; the engine looks at both before it
//! promotes anybody, and where one of them leads already it does nothing.
//! # Undo
//! None: a database without a primary is nothing to go back to.
//! # Gives up when
//! Somebody else decides who leads, the engine refused three times, or the step's deadline passes because one of the two
//! does not answer: it may be the one that has everything. Never forced.

use stateful_safety::{Disruption, Policy, Reason, Role};

use crate::Snapshot;
use crate::steps::StepStatus;

pub(super) fn standing(group: &str, to: &str, snapshot: &Snapshot) -> StepStatus {
    let members = snapshot.assessment.group_of(to).map(|group| group.members.iter());
    match members.map(|members| members.filter(|member| member.role == Role::Primary).count()) {
        None => StepStatus::Running(format!("nobody knows {to}")),
        Some(0) => StepStatus::Pending,
        Some(1) => StepStatus::Done,
        Some(_) => StepStatus::Running(format!("{group} has more than one primary")),
    }
}

/// The judge's reasons against ending it.
pub(super) fn refused(from: &str, to: &str, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
    snapshot.against(policy, &Disruption::FinishSwitchover { from: from.to_owned(), to: to.to_owned() })
}
