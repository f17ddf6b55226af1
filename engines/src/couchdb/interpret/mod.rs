//! THINK. Turns the nodes' answers into an [`Assessment`]. Pure: the same answers give the same assessment.

mod agreement;
mod blockers;
mod member;
mod shards;

use stateful_safety::{Assessment, Millis, ReplicaGroup};

use super::conditions::STRANGER;
use super::{Answers, MemberAnswers};
use crate::endpoint::is_at;
use shards::quorum;

/// Interprets the answers of all members of one workload, asked at `now`.
pub fn interpret(seen: &[MemberAnswers], now: Millis) -> Assessment {
    let answered: Vec<(&MemberAnswers, &Answers)> =
        seen.iter().filter_map(|seen| Some((seen, answers(seen)?))).collect();
    // The cluster as the node lists it that knows the most nodes; a node that has not joined lists only itself.
    let source = answered.iter().max_by_key(|(seen, own)| (own.cluster().count(), std::cmp::Reverse(&seen.member)));
    let maps = source.map(|(_, own)| shards::shards(own, seen)).unwrap_or_default();
    let mut blockers = agreement::disagreements(seen);
    if let Some((_, own)) = source {
        blockers.extend(agreement::strangers(own, seen).iter().map(|who| STRANGER.found(&[("who", who)])));
    }
    blockers.extend(blockers::blockers(&answered));
    blockers.extend(shards::find_short(&maps));
    let caught_up = seen.iter().all(|seen| answers(seen).and_then(Answers::backlog) == Some(0));
    let state = |seen: &&MemberAnswers| member::state(seen, caught_up);
    let mut groups: Vec<ReplicaGroup> = Vec::new();
    for held in shards::group_by_holders(&maps) {
        let members = seen.iter().filter(|seen| held.members.contains(seen.member.as_str()));
        groups.push(ReplicaGroup {
            name: held.name,
            members: members.map(|seen| state(&seen)).collect(),
            write_quorum: held.write_quorum,
        });
    }
    let in_no_group = |seen: &&MemberAnswers| groups.iter().all(|group| group.member(&seen.member).is_none());
    let without_shards: Vec<&MemberAnswers> = seen.iter().filter(in_no_group).collect();
    if !without_shards.is_empty() {
        // While no node says which shards there are, each may hold copies of any.
        let (name, write_quorum) =
            if source.is_some() { ("nodes without shards", 0) } else { ("the cluster", quorum(seen.len())) };
        let members = without_shards.iter().map(state).collect();
        groups.push(ReplicaGroup { name: name.to_owned(), members, write_quorum });
    }
    let topology = match source {
        None => "unknown: no member answers".to_owned(),
        Some((_, own)) => format!("cluster of {}", own.cluster().count()),
    };
    Assessment {
        taken_at: now,
        topology,
        groups,
        quorums: Vec::new(),
        blockers,
        feature_release: None,
        synchrony: stateful_safety::SyncReplication::Declared,
        upgrade_notes: Vec::new(),
        notes: Vec::new(),
    }
}

fn answers(seen: &MemberAnswers) -> Option<&Answers> {
    seen.answer.as_ref().ok()
}

/// Whether a node, `couchdb@HOST`, is that member: by the name it gives itself, or by its host while it does not answer.
fn is_node(node: &str, seen: &MemberAnswers) -> bool {
    match answers(seen).and_then(Answers::name) {
        Some(own) => own == node,
        None => node.split_once('@').is_some_and(|(_, host)| is_at(&seen.member, seen.address.as_deref(), host)),
    }
}

/// The member a node is, if it is one.
fn member_of<'s>(node: &str, seen: &'s [MemberAnswers]) -> Option<&'s MemberAnswers> {
    seen.iter().find(|seen| is_node(node, seen))
}

#[cfg(test)]
mod tests;
