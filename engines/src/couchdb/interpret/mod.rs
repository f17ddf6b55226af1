//! THINK. Turns what the nodes said into an [`Assessment`]. Pure: the same words give the same assessment.

mod agreement;
mod blockers;
mod member;
mod shards;

use stateful_safety::{Assessment, Millis, ReplicaGroup};

use super::conditions::STRANGER;
use super::{Answers, Seen};
use crate::endpoint::is_at;
use shards::quorum;

/// Interprets the answers of all members of one workload, asked at `now`.
pub fn interpret(seen: &[Seen], now: Millis) -> Assessment {
    let told: Vec<(&Seen, &Answers)> = seen.iter().filter_map(|seen| Some((seen, answers(seen)?))).collect();
    // The cluster as somebody of it has it; one that has not joined knows of nobody else.
    let teller = told.iter().max_by_key(|(seen, own)| (own.cluster().count(), std::cmp::Reverse(&seen.member)));
    let maps = teller.map(|(_, own)| shards::shards(own, seen)).unwrap_or_default();
    let mut blockers = agreement::disagreements(seen);
    if let Some((_, own)) = teller {
        blockers.extend(agreement::strangers(own, seen).iter().map(|who| STRANGER.found(&[("who", who)])));
    }
    blockers.extend(blockers::blockers(&told));
    blockers.extend(shards::short(&maps));
    let caught_up = seen.iter().all(|seen| answers(seen).and_then(Answers::backlog) == Some(0));
    let state = |seen: &&Seen| member::state(seen, caught_up);
    let mut groups: Vec<ReplicaGroup> = Vec::new();
    for held in shards::held_alike(&maps) {
        let members = seen.iter().filter(|seen| held.members.contains(seen.member.as_str()));
        groups.push(ReplicaGroup {
            name: held.name,
            members: members.map(|seen| state(&seen)).collect(),
            write_quorum: held.write_quorum,
        });
    }
    let elsewhere = |seen: &&Seen| groups.iter().all(|group| group.member(&seen.member).is_none());
    let bare: Vec<&Seen> = seen.iter().filter(elsewhere).collect();
    if !bare.is_empty() {
        // While nobody says which shards there are, any may be anywhere.
        let (name, write_quorum) =
            if teller.is_some() { ("nodes without shards", 0) } else { ("the cluster", quorum(seen.len())) };
        let members = bare.iter().map(state).collect();
        groups.push(ReplicaGroup { name: name.to_owned(), members, write_quorum });
    }
    let topology = match teller {
        None => "unknown: nobody answers".to_owned(),
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
    }
}

fn answers(seen: &Seen) -> Option<&Answers> {
    seen.answer.as_ref().ok()
}

/// Whether a node, `couchdb@HOST`, is that member: by its own word, or while it says nothing by where it is.
fn is_node(node: &str, seen: &Seen) -> bool {
    match answers(seen).and_then(Answers::name) {
        Some(own) => own == node,
        None => node.split_once('@').is_some_and(|(_, host)| is_at(&seen.member, seen.address.as_deref(), host)),
    }
}

/// The member a node is, if it is one.
fn member_of<'s>(node: &str, seen: &'s [Seen]) -> Option<&'s Seen> {
    seen.iter().find(|seen| is_node(node, seen))
}

#[cfg(test)]
mod tests;
