//! # What it does
//! Asks the engine once more for a handover that somebody began and nobody saw the end of, while nobody leads the group:
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

use crate::Look;
use crate::steps::Standing;

pub(super) fn standing(group: &str, to: &str, look: &Look) -> Standing {
    let members = look.assessment.group_of(to).map(|group| group.members.iter());
    match members.map(|members| members.filter(|member| member.role == Role::Primary).count()) {
        None => Standing::Acted(format!("nobody knows {to}")),
        Some(0) => Standing::Open,
        Some(1) => Standing::Settled,
        Some(_) => Standing::Acted(format!("{group} has more than one primary")),
    }
}

/// The judge's reasons against ending it.
pub(super) fn refused(from: &str, to: &str, look: &Look, policy: &Policy) -> Vec<Reason> {
    look.against(policy, &Disruption::FinishHandOver { from: from.to_owned(), to: to.to_owned() })
}
