//! THINK. Which member should be the next primary; the one answer for every verb.

use std::cmp::Reverse;

use stateful_safety::{MemberState, ReplicaGroup, Role, Sync};

use crate::Snapshot;

/// The replica that should be the next primary of a group: electable, in sync, of no older release than the present primary if
/// there is one, most preferred by the database's own configuration (another would not stay the primary for long), on another
/// node, least behind. The name decides between equals, so that the same snapshot gives the same answer.
pub fn best_successor<'g>(
    snapshot: &Snapshot,
    group: &'g ReplicaGroup,
    primary: &MemberState,
) -> Option<&'g MemberState> {
    let node = |name: &str| snapshot.workload.member(name).and_then(|pod| pod.node.as_deref());
    let lag = |member: &MemberState| match member.sync {
        Sync::InSync { lag_bytes } => Some(lag_bytes),
        Sync::Behind { .. } | Sync::Unreachable { .. } => None,
    };
    let older = |member: &MemberState| match (&member.version, &primary.version) {
        (Some(version), Some(leading)) => !snapshot.assessment.can_open(version, leading, snapshot.workload.engine),
        _ => false, // the gate asks again when both have said what they run
    };
    let rank = |member: &MemberState| {
        let beside = node(&member.name) == node(&primary.name);
        Some((older(member), Reverse(member.priority), beside, lag(member)?, member.name.clone()))
    };
    let replicas = group.members.iter().filter(|member| member.role == Role::Replica && member.is_electable());
    let best = replicas.filter_map(|member| Some((rank(member)?, member))).min_by_key(|(rank, _)| rank.clone());
    best.map(|(_, member)| member)
}
