//! Which node holds copies of which shard. Nodes that hold the same shards are one replica group: taking one of them away takes
//! a copy of each of those shards away.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stateful_safety::Blocker;

use crate::couchdb::conditions::SHARD_SHORT;

use super::{Answers, MemberAnswers, member_of};
use crate::couchdb::answers::texts;

/// A shard: one range of a database, and where its copies are.
pub(super) struct Shard<'s> {
    database: &'s str,
    range: &'s str,
    /// Members that hold a copy.
    members: BTreeSet<&'s str>,
    /// How many there are to be: the database's `n`, which is as many as any of its shards has.
    wanted: usize,
}

impl Shard<'_> {
    fn name(&self) -> String {
        format!("{} {}", self.database, self.range)
    }
}

/// Members that hold the same shards.
pub(super) struct ShardHolders<'s> {
    pub(super) name: String,
    pub(super) members: BTreeSet<&'s str>,
    pub(super) write_quorum: usize,
}

/// How many of so many copies a write needs for a 201: half of them plus one (manual, "Theory"; `w` may be another for a
/// single request).
pub(super) const fn quorum(copies: usize) -> usize {
    copies / 2 + 1
}

/// Every shard, by the shard map as a node has it.
pub(super) fn shards<'s>(own: &'s Answers, seen: &'s [MemberAnswers]) -> Vec<Shard<'s>> {
    let mut shards = Vec::new();
    for (database, ranges) in own.databases() {
        let ranges = || ranges.as_object().into_iter().flatten();
        let wanted = ranges().map(|(_, nodes)| nodes.as_array().map_or(0, Vec::len)).max().unwrap_or(0);
        for (range, nodes) in ranges() {
            let members = texts(nodes).filter_map(|node| Some(member_of(node, seen)?.member.as_str())).collect();
            shards.push(Shard { database, range, members, wanted });
        }
    }
    shards
}

/// Shards with too few copies: a copy is on a node that is no member, or is missing in the shard map. A silent member that holds
/// a copy is reported by its own state.
pub(super) fn find_short<'s>(shards: &'s [Shard<'_>]) -> impl Iterator<Item = Blocker> + 's {
    shards.iter().filter(|shard| shard.members.len() < shard.wanted).map(|shard| {
        let (name, copies) = (shard.name(), shard.members.len());
        SHARD_SHORT.found(&[("shard", &name), ("copies", &copies), ("wanted", &shard.wanted)])
    })
}

/// Groups the shards by the members that hold them. A shard without a copy on any member is in no group; `find_short` reports it.
pub(super) fn group_by_holders<'s>(shards: &[Shard<'s>]) -> Vec<ShardHolders<'s>> {
    let mut alike: BTreeMap<&BTreeSet<&str>, Vec<&Shard<'s>>> = BTreeMap::new();
    for shard in shards.iter().filter(|shard| !shard.members.is_empty()) {
        alike.entry(&shard.members).or_default().push(shard);
    }
    let alone = alike.len() == 1;
    let named = |shards: &[&Shard<'_>]| match (alone, shards.len()) {
        (true, _) => "every shard".to_owned(),
        (false, 1) => shards[0].name(),
        (false, several) => format!("{} and {} more shards", shards[0].name(), several - 1),
    };
    alike
        .into_values()
        .map(|shards| ShardHolders {
            name: named(&shards),
            members: shards[0].members.clone(),
            write_quorum: shards.iter().map(|shard| quorum(shard.wanted)).max().unwrap_or(0),
        })
        .collect()
}

/// The nodes named in a node's shard maps.
pub(super) fn nodes(own: &Answers) -> BTreeSet<&str> {
    let ranges = own.databases().flat_map(|(_, ranges)| ranges.as_object().into_iter().flatten());
    ranges.flat_map(|(_, nodes): (&String, &Value)| texts(nodes)).collect()
}
