//! Can the successor take over without losing a write? It must be a replica of this very primary, streaming, close
//! behind, and no older than what it follows.

use crate::judge::check_input::CheckInput;
use crate::judge::disruption::Disruption;
use crate::model::{Role, Sync};
use crate::reasons::{Reason, VersionSkew};

/// Refuses a switchover to a member that is not ready to lead.
pub(crate) fn successor_ready(input: &CheckInput<'_>) -> Vec<Reason> {
    let Disruption::Switchover { from, to } = input.disruption else {
        return Vec::new();
    };
    let Some(group) = input.assessment.group_of(from) else {
        return Vec::new(); // members_known has said so
    };
    let (Some(primary), Some(successor)) = (group.member(from), group.member(to)) else {
        return vec![Reason::NotASuccessor { to: to.clone(), from: from.clone() }];
    };
    let mut reasons = Vec::new();
    if primary.role != Role::Primary || successor.role != Role::Replica {
        reasons.push(Reason::NotASuccessor { to: to.clone(), from: from.clone() });
    }
    if !successor.is_electable() {
        reasons.push(Reason::NotElectable { to: to.clone() });
    }
    match &successor.sync {
        Sync::InSync { .. } => {} // one_at_a_time has looked at its lag
        Sync::Behind { .. } | Sync::Unreachable { .. } => {
            reasons.push(Reason::NoSuccessor { group: group.name.clone() });
        }
    }
    if let (Some(to_version), Some(from_version)) = (&successor.version, &primary.version)
        && !input.assessment.can_open(to_version, from_version, input.workload.engine)
    {
        reasons.push(Reason::Release(VersionSkew::OlderSuccessor {
            to: to.clone(),
            to_version: to_version.clone(),
            from_version: from_version.clone(),
        }));
    }
    reasons
}
