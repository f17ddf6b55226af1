//! Is everybody else of the group there? Taking a second member turns one more failure into an outage.

use crate::case::Case;
use crate::{MemberState, Reason, ReplicaGroup, Role, Sync};

/// Refuses when a member of a touched group, other than the one taken, is away, behind, or promised to somebody; and
/// when two of one group are taken at once.
pub(crate) fn one_at_a_time(case: &Case<'_>) -> Vec<Reason> {
    case.touched_groups().flat_map(|group| of_group(case, group)).collect()
}

fn of_group(case: &Case<'_>, group: &ReplicaGroup) -> Vec<Reason> {
    let taken = group.members.iter().filter(|member| case.taken().contains(&member.name));
    let second = taken.skip(1).map(|member| Reason::MemberAway {
        group: group.name.clone(),
        member: member.name.clone(),
        why: "taken together with another".to_owned(),
    });
    let others = group.members.iter().filter(|member| !case.taken().contains(&member.name));
    second.chain(others.filter_map(|member| away(case, group, member))).collect()
}

/// What is the matter with a member that ought to be in sync.
pub(super) fn away(case: &Case<'_>, group: &ReplicaGroup, member: &MemberState) -> Option<Reason> {
    if case.promised.contains(&member.name) {
        let why = "somebody was already allowed to take it".to_owned();
        return Some(Reason::MemberAway { group: group.name.clone(), member: member.name.clone(), why });
    }
    if case.is_leaving(&member.name) {
        let why = "its pod is being deleted".to_owned();
        return Some(Reason::MemberAway { group: group.name.clone(), member: member.name.clone(), why });
    }
    match &member.sync {
        Sync::InSync { lag_bytes } if *lag_bytes > case.policy.max_lag_bytes => {
            Some(Reason::Lagging { member: member.name.clone(), lag: *lag_bytes, limit: case.policy.max_lag_bytes })
        }
        Sync::InSync { .. } => late(case, member),
        Sync::Behind { why } => {
            Some(Reason::MemberAway { group: group.name.clone(), member: member.name.clone(), why: why.clone() })
        }
        Sync::Unreachable { why } => Some(Reason::NotAnswering { member: member.name.clone(), why: why.clone() }),
    }
}

/// A replica whose last word is too old, where somebody set a limit. One that cannot tell is not known to keep it.
fn late(case: &Case<'_>, member: &MemberState) -> Option<Reason> {
    let limit = case.policy.max_lag_seconds.filter(|_| member.role != Role::Primary)?;
    let kept = member.lag_seconds.is_some_and(|seconds| seconds <= limit);
    (!kept).then(|| Reason::Late { member: member.name.clone(), seconds: member.lag_seconds, limit })
}
