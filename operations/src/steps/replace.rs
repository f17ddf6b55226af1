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

use crate::Look;
use crate::goal::Goal;
use crate::steps::Standing;

/// Whether the goal is not yet met by a member's pod.
pub(crate) fn needs_replacing(goal: &Goal, look: &Look, member: &Member) -> bool {
    match goal {
        Goal::Renew { .. } => !look.workload.is_current(member),
        Goal::Leave { node } => member.node.as_ref() == Some(node),
        Goal::Lead { .. } | Goal::Finalize { .. } => false,
    }
}

pub(super) fn standing(name: &str, goal: &Goal, look: &Look, policy: &Policy) -> Standing {
    let Some(member) = look.workload.member(name) else {
        return Standing::Acted(format!("there is no new pod of {name} yet"));
    };
    if member.terminating {
        return Standing::Acted(format!("the old pod of {name} is ending"));
    }
    if matches!(goal, Goal::Renew { .. }) && look.workload.declared_revision.is_empty() {
        return Standing::Acted("the controller has not made a revision of the template yet".to_owned());
    }
    if needs_replacing(goal, look, member) {
        if look.leads(name) {
            return Standing::Overtaken(format!("{name} has become a primary"));
        }
        return Standing::Open;
    }
    match look.not_whole(policy, None).first() {
        None => Standing::Settled,
        Some(reason) => Standing::Acted(reason.to_string()),
    }
}

/// The judge's reasons against taking it.
pub(super) fn refused(name: &str, look: &Look, policy: &Policy) -> Vec<Reason> {
    look.against(policy, &Disruption::Take { members: vec![name.to_owned()] })
}
