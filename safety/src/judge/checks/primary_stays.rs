//! Would the primary go? It never may: writes stop until a failover, and what it has not sent is lost. A budget cannot
//! know, it counts pods.

use crate::judge::check_input::CheckInput;
use crate::model::{Blocks, Role};
use crate::reasons::Reason;

/// Refuses taking a primary, or a member whose role is not known.
pub(crate) fn primary_stays(input: &CheckInput<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut takes_primary = false;
    for group in input.touched_groups() {
        for member in group.members.iter().filter(|member| input.taken().contains(&member.name)) {
            match member.role {
                // Nothing will ever make it safe. While another member is missing, that one may be the other copy.
                Role::Primary | Role::Peer if group.members.len() == 1 && every_member_is_known(input) => {
                    reasons.push(Reason::OnlyCopy { group: group.name.clone(), member: member.name.clone() });
                }
                Role::Primary => {
                    reasons.push(Reason::PrimaryTaken { group: group.name.clone(), member: member.name.clone() });
                    takes_primary = true;
                }
                // Silent, and no other member leads its group: it may be the one that does.
                Role::Unknown if group.primary().is_none() => {
                    reasons.push(Reason::NotAnswering {
                        member: member.name.clone(),
                        why: "it may be the primary: no other member of its group is".to_owned(),
                    });
                }
                Role::Replica | Role::Peer | Role::Unknown => {}
            }
        }
    }
    if takes_primary {
        reasons.extend(kept_for_ever(input));
    }
    reasons
}

/// What never lets a primary switch over, by which alone it could go: "switch over first" would be advice that is refused.
fn kept_for_ever(input: &CheckInput<'_>) -> impl Iterator<Item = Reason> {
    let blockers = input.assessment.blockers.iter();
    let keeps = blockers.filter(|one| one.effect.blocks == Blocks::Switchover && !one.effect.passes.may_pass());
    keeps.cloned().map(Reason::Blocked)
}

/// Whether every declared member has a pod, and every pod its place in a group.
fn every_member_is_known(input: &CheckInput<'_>) -> bool {
    let known = |name: &str| input.assessment.group_of(name).is_some();
    let members = &input.workload.members;
    members.len() >= input.workload.replicas && members.iter().all(|member| known(&member.name))
}
