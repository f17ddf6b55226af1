//! Do the nodes agree on which nodes belong to the cluster, which are connected, and which shards there are?

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stateful_safety::Blocker;

use super::{Answers, MemberAnswers, answers, is_node, member_of, shards};
use crate::VIEWS_DISAGREE;

/// What each member says that contradicts the others, one finding for each member: the first is enough to wait.
pub(super) fn disagreements(seen: &[MemberAnswers]) -> Vec<Blocker> {
    seen.iter()
        .filter_map(|member| {
            let about = about(answers(member)?, seen)?;
            Some(VIEWS_DISAGREE.found(&[("member", &member.member), ("about", &about)]))
        })
        .collect()
}

fn about(own: &Answers, seen: &[MemberAnswers]) -> Option<String> {
    if !own.cluster().any(|node| Some(node) == own.name()) {
        return None; // its state says so
    }
    // A node of its cluster that is a member and answers us, while this member has no connection to it.
    let unconnected = own.cluster().find(|node| {
        let answers = member_of(node, seen).is_some_and(|member| member.answer.is_ok());
        answers && !own.connected().any(|connected| connected == *node)
    });
    if let Some(node) = unconnected {
        return Some(format!("{node} is not connected, but it answers"));
    }
    // A node that has not joined the cluster lists only itself, so it is not compared.
    let joined =
        || seen.iter().filter_map(answers).filter(|other| other.cluster().any(|node| Some(node) == other.name()));
    let nodes = |of: &Answers| of.cluster().map(ToOwned::to_owned).collect::<BTreeSet<String>>();
    let largest = joined().map(nodes).max_by_key(BTreeSet::len)?;
    if let Some(missing) = largest.difference(&nodes(own)).next() {
        return Some(format!("{missing} is no part of the cluster"));
    }
    let first = joined().next()?;
    let (mine, theirs) = (map(own), map(first));
    let differs = |database: &&&str| mine.get(**database) != theirs.get(**database);
    let database = mine.keys().chain(theirs.keys()).find(differs)?;
    Some(format!("the shards of {database} are elsewhere, or there are none"))
}

fn map(of: &Answers) -> BTreeMap<&str, &Value> {
    of.databases().collect()
}

/// Nodes of the cluster, or of its shard maps, that are not pods of this workload.
pub(super) fn strangers(own: &Answers, seen: &[MemberAnswers]) -> Vec<String> {
    let named: BTreeSet<&str> = own.cluster().chain(shards::nodes(own)).collect();
    let elsewhere = named.into_iter().filter(|node| !seen.iter().any(|seen| is_node(node, seen)));
    elsewhere.map(ToOwned::to_owned).collect()
}
