//! Redis Cluster: one replica group a shard, and the masters' quorum.

use std::collections::BTreeMap;

use stateful_safety::{Assessment, Blocker, MemberState, Millis, Quorum, ReplicaGroup, Role, Sync};

use super::agreement;
use super::member::state;
use super::view::View;
use crate::no_primary;
use crate::redis::MemberAnswers;
use crate::redis::conditions::{MIGRATION_RUNNING, SLOTS_UNCOVERED, STRANGER};
use crate::redis::node_line::{NodeLine, count, name};

/// A node of the cluster: which member it is, if known, and the line that describes it best.
struct Node<'a> {
    seen: Option<&'a MemberAnswers>,
    line: NodeLine<'a>,
}

pub(super) fn interpret(seen: &[MemberAnswers], now: Millis) -> Assessment {
    let views: Vec<View<'_>> = seen.iter().filter_map(View::of).collect();
    let silent: Vec<&MemberAnswers> =
        seen.iter().filter(|seen| !views.iter().any(|view| view.seen.member == seen.member)).collect();
    let (nodes, strangers) = identify(&views, &silent);

    let mut blockers = agreement::disagreements(&views);
    blockers.extend(strangers.iter().map(|who| {
        let id = who.split(' ').next().unwrap_or(who);
        STRANGER.found(&[("who", who), ("id", &id)])
    }));
    blockers.extend(uncovered(&views));
    blockers.extend(views.iter().filter_map(migration));
    let groups = groups(&nodes, &views);
    // A shard is one master and those that follow it, so it never has two: masters of the same slots are a disagreement.
    blockers.extend(groups.iter().filter(|group| group.primary().is_none()).map(|group| no_primary(&group.name)));
    Assessment {
        taken_at: now,
        topology: "Redis Cluster".to_owned(),
        quorums: vec![quorum(&nodes, &groups)],
        groups,
        blockers,
        feature_release: None,
        synchrony: stateful_safety::SyncReplication::Declared,
        upgrade_notes: Vec::new(),
        notes: Vec::new(),
    }
}

/// Every node that any member lists, by identifier. A node that answered describes itself. A node that did not answer is
/// described by the others, and matched to a silent member by its address, or because both are the only ones left. A node that
/// matches no member while every member has answered is a stranger; so is an empty node that failed.
fn identify<'a>(views: &[View<'a>], silent: &[&'a MemberAnswers]) -> (BTreeMap<&'a str, Node<'a>>, Vec<String>) {
    let mut nodes: BTreeMap<&str, Node<'_>> =
        views.iter().map(|view| (view.me().id, Node { seen: Some(view.seen), line: view.me().clone() })).collect();
    let mut unmatched: BTreeMap<&str, NodeLine<'_>> = BTreeMap::new();
    for line in views.iter().flat_map(|view| &view.nodes) {
        if !nodes.contains_key(line.id) {
            unmatched.entry(line.id).or_insert_with(|| line.clone());
        }
    }
    let mut left: Vec<&MemberAnswers> = silent.to_vec();
    let mut still_unmatched = Vec::new();
    for line in unmatched.into_values() {
        match left.iter().position(|seen| seen.address.as_deref() == Some(line.host)) {
            Some(index) => {
                nodes.insert(line.id, Node { seen: Some(left.swap_remove(index)), line });
            }
            None => still_unmatched.push(line),
        }
    }
    if let ([line], [seen]) = (&still_unmatched[..], &left[..]) {
        nodes.insert(line.id, Node { seen: Some(seen), line: line.clone() });
        return (nodes, Vec::new());
    }
    if still_unmatched.len() > left.len() {
        return (nodes, still_unmatched.iter().map(|line| format!("{} at {}", line.id, line.host)).collect());
    }
    // There are at least as many silent members as unmatched nodes: which node is which member is not known, but the shards are.
    nodes.extend(still_unmatched.into_iter().map(|line| (line.id, Node { seen: None, line })));
    (nodes, Vec::new())
}

fn groups<'a>(nodes: &BTreeMap<&'a str, Node<'a>>, views: &[View<'_>]) -> Vec<ReplicaGroup> {
    let mut masters: Vec<(&str, &Node<'_>)> =
        nodes.iter().filter(|(_, node)| node.line.is_master()).map(|(id, node)| (*id, node)).collect();
    masters.sort_by_key(|(_, node)| node.line.slots.first().copied().unwrap_or((u32::MAX, 0)));
    masters
        .into_iter()
        .map(|(id, master)| {
            let mut members = vec![member(master, Role::Primary, None)];
            let followers = nodes.values().filter(|node| !node.line.is_master() && node.line.master == Some(id));
            members.extend(followers.map(|node| member(node, Role::Replica, master.seen)));
            members.sort_by(|a, b| a.name.cmp(&b.name));
            ReplicaGroup { name: name(&master.line.slots), members, write_quorum: write_quorum(master, views) }
        })
        .collect()
}

fn member(node: &Node<'_>, role: Role, primary: Option<&MemberAnswers>) -> MemberState {
    let Some(seen) = node.seen else {
        let why = "no member here answers to this identity".to_owned();
        let name = format!("node {}", node.line.id.get(..8).unwrap_or(node.line.id));
        return MemberState {
            name,
            role: Role::Unknown,
            sync: Sync::Unreachable { why },
            lag_seconds: None,
            version: None,
            persists: false,
            lost_directory: None,
            priority: MemberState::NO_PREFERENCE,
            confirms_writes: true,
        };
    };
    // The role that others remember of a silent node may have changed.
    let role = if seen.answer.is_err() { Role::Unknown } else { role };
    state(seen, role, primary)
}

/// The master, and as many replicas as it requires for a write. Where the master does not tell its settings, another member's
/// count: all run the same configuration.
fn write_quorum(master: &Node<'_>, views: &[View<'_>]) -> usize {
    let own = views.iter().filter(|view| master.seen.is_some_and(|seen| seen.member == view.seen.member));
    let needed = own.chain(views).find_map(|view| {
        let config = &view.answers.config;
        config.get("min-replicas-to-write").or_else(|| config.get("min-slaves-to-write"))?.parse::<usize>().ok()
    });
    1 + needed.unwrap_or(0)
}

/// A replica is elected by a majority of the masters that own slots (redis.io, "Redis cluster specification", replica
/// election): size/2 + 1 of them.
fn quorum(nodes: &BTreeMap<&str, Node<'_>>, groups: &[ReplicaGroup]) -> Quorum {
    let voters = nodes.values().filter(|node| node.line.is_master() && !node.line.slots.is_empty()).count();
    let live = groups
        .iter()
        .filter_map(ReplicaGroup::primary)
        .filter(|primary| primary.sync.is_streaming())
        .map(|primary| primary.name.clone())
        .collect();
    Quorum { voters_are: "slot-owning masters".to_owned(), live, needed: voters / 2 + 1 }
}

/// The member that sees the fewest slots served decides. Right after a restart a node sees fewer than there are, for a moment.
fn uncovered(views: &[View<'_>]) -> Option<Blocker> {
    const ALL: u32 = 16_384;
    let covered = views
        .iter()
        .map(|view| {
            let served = view.nodes.iter().filter(|node| node.is_master() && !node.has("fail"));
            served.map(|node| count(&node.slots)).sum::<u32>()
        })
        .min()?;
    (covered < ALL).then(|| SLOTS_UNCOVERED.found(&[("covered", &covered)]))
}

fn migration(view: &View<'_>) -> Option<Blocker> {
    let slots = view.me().moving;
    (slots > 0).then(|| MIGRATION_RUNNING.found(&[("member", &view.seen.member), ("slots", &slots)]))
}
