//! Is every other member of the group there? Taking a second member turns one more failure into an outage.

use crate::judge::check_input::CheckInput;
use crate::model::{MemberState, ReplicaGroup, Role, Sync};
use crate::reasons::Reason;

/// Refuses when a member of a touched group, other than the one taken, is away, behind, or allowed to be evicted already; and
/// when two of one group are taken at once.
pub(crate) fn one_at_a_time(input: &CheckInput<'_>) -> Vec<Reason> {
    input.touched_groups().flat_map(|group| of_group(input, group)).collect()
}

fn of_group(input: &CheckInput<'_>, group: &ReplicaGroup) -> Vec<Reason> {
    let taken = group.members.iter().filter(|member| input.taken().contains(&member.name));
    let second = taken.skip(1).map(|member| Reason::MemberAway {
        group: group.name.clone(),
        member: member.name.clone(),
        why: "taken together with another".to_owned(),
    });
    let others = group.members.iter().filter(|member| !input.taken().contains(&member.name));
    second.chain(others.filter_map(|member| away(input, group, member))).collect()
}

/// What is the matter with a member that ought to be in sync.
pub(super) fn away(input: &CheckInput<'_>, group: &ReplicaGroup, member: &MemberState) -> Option<Reason> {
    if input.promised.contains(&member.name) {
        let why = "an eviction of it was already allowed".to_owned();
        return Some(Reason::MemberAway { group: group.name.clone(), member: member.name.clone(), why });
    }
    if input.is_leaving(&member.name) {
        let why = "its pod is being deleted".to_owned();
        return Some(Reason::MemberAway { group: group.name.clone(), member: member.name.clone(), why });
    }
    match &member.sync {
        Sync::InSync { lag_bytes } if *lag_bytes > input.policy.max_lag_bytes => {
            Some(Reason::Lagging { member: member.name.clone(), lag: *lag_bytes, limit: input.policy.max_lag_bytes })
        }
        Sync::InSync { .. } => late(input, member),
        Sync::Behind { why } => {
            Some(Reason::MemberAway { group: group.name.clone(), member: member.name.clone(), why: why.clone() })
        }
        Sync::Unreachable { why } => Some(Reason::NotAnswering { member: member.name.clone(), why: why.clone() }),
    }
}

/// A replica whose last report is too old, where a limit is set. One that cannot tell is not known to keep the limit.
fn late(input: &CheckInput<'_>, member: &MemberState) -> Option<Reason> {
    let limit = input.policy.max_lag_seconds.filter(|_| member.role != Role::Primary)?;
    let kept = member.lag_seconds.is_some_and(|seconds| seconds <= limit);
    (!kept).then(|| Reason::Late { member: member.name.clone(), seconds: member.lag_seconds, limit })
}
