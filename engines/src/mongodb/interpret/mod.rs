//! THINK. Turns the servers' answers into an [`Assessment`]. Pure: the same answers give the same assessment.

mod agreement;
mod blockers;
mod majority;
mod member;
mod several_primaries;
mod sharding;
mod voters;

use mongodb::bson::Document;
use stateful_safety::{Assessment, Blocker, Millis, ReplicaGroup, Role, Version};

use super::answers::{host, number};
use super::{Answers, MemberAnswers, PROFILE, Sharding};
use crate::endpoint::is_at;

/// Interprets the answers of all members of one workload, asked at `now`.
pub fn interpret(seen: &[MemberAnswers], now: Millis) -> Assessment {
    let primaries: Vec<&MemberAnswers> = seen.iter().filter(|seen| role(seen) == Role::Primary).collect();
    // Of two primaries neither counts: one of them has lost its majority and does not know yet.
    let primary = if let [only] = primaries[..] { Some(only) } else { None };
    // The set as its primary describes it, else as any member that answers.
    let source = primary.or_else(|| seen.iter().find(|seen| answers(seen).is_some_and(|own| !own.status.is_empty())));
    let set = source.and_then(answers);
    let name = set.and_then(|set| set.status.get_str("set").ok()).unwrap_or("the replica set").to_owned();
    let (arbiters, bearing): (Vec<&MemberAnswers>, Vec<&MemberAnswers>) =
        seen.iter().partition(|seen| only_votes(seen));
    // Arbiters often are a workload of their own, and then the primary is in another workload.
    let mut blockers: Vec<Blocker> = match primaries[..] {
        [] if !bearing.is_empty() => vec![crate::no_primary(&name)],
        [] | [_] => Vec::new(),
        _ => vec![several_primaries::found(&name, &primaries)],
    };
    blockers.extend(agreement::disagreements(seen, primary));
    blockers.extend(blockers::blockers(seen, primary));
    blockers.extend(majority::behind(primary));
    let group = ReplicaGroup {
        members: bearing.iter().map(|seen| member::state(seen, role(seen), primary, set)).collect(),
        write_quorum: voters::write_quorum(set, seen.len()),
        name: name.clone(),
    };
    let voters = ReplicaGroup {
        name: format!("arbiters of {name}"),
        members: arbiters.iter().map(|seen| member::arbiter(seen, set)).collect(),
        write_quorum: 0,
    };
    let in_set = set.map_or(0, |set| set.configured().filter(|member| is_arbiter(member)).count());
    let sharding = sharding::sharding(seen, primary);
    let routers = seen.iter().filter_map(answers).any(Answers::is_router);
    let topology = match (set, in_set) {
        (None, _) if routers => "mongos, the routers of a sharded cluster".to_owned(),
        (None, _) if seen.iter().all(|seen| seen.answer.is_err()) => "unknown: no member answers".to_owned(),
        (None, _) => "in no replica set".to_owned(),
        (Some(_), 0) => "replica set".to_owned(),
        (Some(_), _) => "replica set with an arbiter".to_owned(),
    };
    let topology = match &sharding {
        Some(sharding) => format!("{topology}, {sharding}"),
        None => topology,
    };
    if let Some(sharding) = &sharding {
        let versions = seen.iter().filter_map(answers).filter_map(member::version);
        let release = versions.max().map(|newest| newest.release(&PROFILE).to_string());
        blockers.extend(sharding.blockers(release.as_deref().unwrap_or("RELEASE")));
    }
    Assessment {
        taken_at: now,
        topology,
        groups: [group, voters].into_iter().filter(|group| !group.members.is_empty()).collect(),
        quorums: voters::quorum(seen, set).into_iter().collect(),
        blockers,
        feature_release: primary.and_then(answers).and_then(features),
        synchrony: stateful_safety::SyncReplication::Declared,
        upgrade_notes: sharding.iter().map(Sharding::note).collect(),
        notes: Vec::new(),
    }
}

/// A member's role by its own answer. A member that copies, recovers or rolls back counts as a replica; how far behind it is, is
/// part of its sync state.
fn role(seen: &MemberAnswers) -> Role {
    match answers(seen) {
        Some(own) if own.leads() => Role::Primary,
        Some(own) if own.state().is_some() => Role::Replica,
        Some(_) | None => Role::Unknown,
    }
}

fn only_votes(seen: &MemberAnswers) -> bool {
    answers(seen).is_some_and(|own| own.hello.get_bool("arbiterOnly").unwrap_or(false))
}

fn answers(seen: &MemberAnswers) -> Option<&Answers> {
    seen.answer.as_ref().ok()
}

fn is_arbiter(configured: &Document) -> bool {
    configured.get_bool("arbiterOnly").unwrap_or(false)
}

/// Whether a member, as the set lists it by its host, is that pod.
fn is_of(listed: &Document, key: &str, seen: &MemberAnswers) -> bool {
    is_at(&seen.member, seen.address.as_deref(), host(listed, key))
}

/// A member's entry in the set's configuration.
fn configuration<'a>(set: &'a Answers, seen: &MemberAnswers) -> Option<&'a Document> {
    set.configured().find(|listed| is_of(listed, "host", seen))
}

/// The release whose features it uses (`featureCompatibilityVersion`), unless it is changing.
fn features(answers: &Answers) -> Option<Version> {
    let parameter = answers.features.get_document("featureCompatibilityVersion").ok()?;
    Version::parse(parameter.get_str("version").ok()?).filter(|_| !is_moving(answers))
}

/// Whether it is changing from the features of one release to those of another.
fn is_moving(answers: &Answers) -> bool {
    let parameter = answers.features.get_document("featureCompatibilityVersion");
    parameter.is_ok_and(|parameter| parameter.contains_key("targetVersion"))
}

/// Votes of a member.
fn votes(configured: &Document) -> i64 {
    number(configured, "votes").unwrap_or(1)
}

#[cfg(test)]
mod tests;
