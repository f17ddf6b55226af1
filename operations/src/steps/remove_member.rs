//! # What it does
//! Declares as many members as before, so that the one that was added goes: it has the highest ordinal. Its claim stays.
//! # Safe to repeat because
//! It is done only while exactly one more than before is declared, and while that one does not lead; the API server is told
//! what was seen, so a number somebody else has declared meanwhile stands.
//! # Undo
//! `kubectl scale`: the member comes back with its claim.
//! # Gives up when
//! The judge finds a reason that waiting does not mend, the API server refuses, or the step's deadline passes. Where the member
//! has become the primary what is left is drawn up anew, beginning with a handover.

use stateful_safety::Policy;

use crate::Look;
use crate::steps::Standing;

pub(super) fn standing(name: &str, replicas: usize, look: &Look, policy: &Policy) -> Standing {
    let declared = look.workload.replicas;
    if declared == replicas {
        return match (look.workload.member(name), look.not_whole(policy, Some(name)).first()) {
            (Some(_), _) => Standing::Acted(format!("{name} is ending")),
            (None, Some(reason)) => Standing::Acted(reason.to_string()),
            (None, None) => Standing::Settled,
        };
    }
    if declared != replicas + 1 {
        return Standing::Overtaken(format!("somebody has scaled it to {declared}"));
    }
    if look.leads(name) {
        return Standing::Overtaken(format!("{name} has become a primary"));
    }
    Standing::Open
}
