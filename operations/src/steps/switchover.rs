//! # What it does
//! Lets the engine hand a group's primary role to a replica in sync, losslessly, and waits until **all** members agree
//! on it and the old primary follows.
//! # Safe to repeat because
//! When the successor leads already there is nothing to do; the engine's own protocol refuses a second one meanwhile.
//! # Undo
//! `kubectl stateful switchover` back, unless the new primary runs a newer version: older servers cannot follow it.
//! # Gives up when
//! The judge finds a reason that waiting does not mend, the engine refused three times, or the step's deadline passes.
//! Never forced.

use stateful_safety::{Disruption, Policy, Reason};

use crate::Snapshot;
use crate::steps::StepStatus;

pub(super) fn standing(group: &str, from: &str, to: &str, snapshot: &Snapshot, policy: &Policy) -> StepStatus {
    // By its name first: a broker is in many groups. A name may have changed since the plan was made (a shard's slots).
    let named = snapshot.assessment.groups.iter().find(|other| other.name == group && other.member(to).is_some());
    let primary = named.or_else(|| snapshot.assessment.group_of(to)).and_then(|group| group.primary());
    match primary.map(|primary| primary.name.as_str()) {
        None => StepStatus::Running(format!("{group} has no primary yet")),
        Some(leader) if leader == from => StepStatus::Pending,
        Some(leader) if leader == to => match snapshot.not_whole(policy, None).first() {
            None => StepStatus::Done,
            Some(reason) => StepStatus::Running(reason.to_string()),
        },
        Some(leader) => StepStatus::Stale(format!("{group} is led by {leader} by now")),
    }
}

/// The judge's reasons against this switchover.
pub(super) fn refused(from: &str, to: &str, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
    snapshot.against(policy, &Disruption::Switchover { from: from.to_owned(), to: to.to_owned() })
}
