//! One member's state, by its own answers and its primary's.

use stateful_safety::{MemberState, Role, Sync, Version};

use super::voters::{confirms_writes, delay_seconds};
use super::{Answers, MemberAnswers, answers, configuration, is_of};
use crate::endpoint::directory_off_volumes;
use crate::mongodb::answers::{SECONDARY, number, priority};

/// Further behind than this, in milliseconds, a secondary is not following: a step-down waits at most 10 s for it by
/// default (manual, `replSetStepDown`), and writes wait meanwhile.
const FOLLOWS_WITHIN: i64 = 10_000;

/// The message about a `mongos`: it is not a member of a set, and can be restarted without this tool.
const ROUTER: &str = "it is a mongos, which holds no data: kubectl rollout restart will do, after all shards";

/// Storage engines that keep nothing (Enterprise and Percona's in-memory engine, and the one of tests).
const IN_MEMORY: &[&str] = &["inMemory", "ephemeralForTest"];

/// The state of a primary, of a secondary of `primary`, or of a member that did not answer. `set` are the answers that describe the
/// set.
pub(super) fn state(
    seen: &MemberAnswers,
    role: Role,
    primary: Option<&MemberAnswers>,
    set: Option<&Answers>,
) -> MemberState {
    let configured = set.and_then(|set| configuration(set, seen));
    let leader = primary.and_then(answers);
    let lag = match (role, answers(seen)) {
        (Role::Replica, Some(own)) => Some(lag(seen, own, leader)),
        _ => None,
    };
    let sync = match (&seen.answer, &lag) {
        (Err(why), _) => Sync::Unreachable { why: why.clone() },
        (Ok(_), Some(Err(why))) => Sync::Behind { why: why.clone() },
        (Ok(own), None) if own.is_router() => Sync::Behind { why: ROUTER.to_owned() },
        (Ok(_), None) if role == Role::Unknown => Sync::Behind { why: "it is in no replica set".to_owned() },
        // A secondary's lag is measured in time: positions in the oplog are not bytes.
        (Ok(_), _) => Sync::InSync { lag_bytes: 0 },
    };
    let own = answers(seen);
    MemberState {
        name: seen.member.clone(),
        role,
        sync,
        lag_seconds: lag.and_then(Result::ok).and_then(|milliseconds| u64::try_from(milliseconds / 1_000).ok()),
        version: own.and_then(version),
        persists: own.is_some_and(persists),
        lost_directory: own.and_then(|own| lost_directory(seen, own)),
        priority: configured.map_or(MemberState::NO_PREFERENCE, priority),
        confirms_writes: configured.is_some_and(confirms_writes),
    }
}

/// An arbiter: it holds no data that could be behind, and is never a primary. Where no member describes the set, it is not known
/// whether the set can do without the arbiter's vote.
pub(super) fn arbiter(seen: &MemberAnswers, set: Option<&Answers>) -> MemberState {
    let (role, sync) = match set {
        Some(_) => (Role::Replica, Sync::InSync { lag_bytes: 0 }),
        None => (Role::Unknown, Sync::Unreachable { why: "an arbiter that knows no users tells nothing".to_owned() }),
    };
    MemberState {
        name: seen.member.clone(),
        role,
        sync,
        lag_seconds: Some(0),
        version: answers(seen).and_then(version),
        persists: true,
        lost_directory: None,
        priority: 0,
        confirms_writes: false,
    }
}

pub(super) fn version(own: &Answers) -> Option<Version> {
    Version::parse(own.build.get_str("version").ok()?)
}

/// How many milliseconds of its primary's writes a secondary has not applied, or why it cannot be said to follow at all.
fn lag(seen: &MemberAnswers, own: &Answers, leader: Option<&Answers>) -> Result<i64, String> {
    if !own.follows() {
        let state = own.own().and_then(|own| own.get_str("stateStr").ok()).unwrap_or("in no state it names");
        return Err(format!("it is {state}"));
    }
    let leader = leader.ok_or("its primary does not answer")?;
    let listed = leader.members().find(|listed| is_of(listed, "name", seen));
    let listed = listed.ok_or("its primary does not list it")?;
    if number(listed, "state") != Some(SECONDARY) {
        let state = listed.get_str("stateStr").unwrap_or("?");
        return Err(format!("its primary counts it as {state}"));
    }
    let behind = leader.applied().zip(own.applied()).map(|(leader, own)| (leader - own).max(0));
    let behind = behind.ok_or("its position in the oplog is not known")?;
    // A delayed member stays behind on purpose.
    let delay = configuration(leader, seen).map_or(0, delay_seconds) * 1_000;
    let late = (behind - delay).max(0);
    if late > FOLLOWS_WITHIN {
        return Err(format!("it is {} s behind its primary", late / 1_000));
    }
    Ok(late)
}

/// Where its data is, as it was started: the default is `/data/db`, and `/data/configdb` for a config server (manual, `--configsvr`). A
/// router has none.
fn lost_directory(seen: &MemberAnswers, own: &Answers) -> Option<String> {
    let parsed = own.options.get_document("parsed").ok().filter(|_| !own.is_router())?;
    let given = parsed.get_document("storage").ok().and_then(|storage| storage.get_str("dbPath").ok());
    let cluster_role = parsed.get_document("sharding").ok().and_then(|sharding| sharding.get_str("clusterRole").ok());
    let default = if cluster_role == Some("configsvr") { "/data/configdb" } else { "/data/db" };
    directory_off_volumes(given.unwrap_or(default), &seen.kept)
}

fn persists(own: &Answers) -> bool {
    let storage = own.options.get_document("parsed").and_then(|parsed| parsed.get_document("storage"));
    let engine = storage.ok().and_then(|storage| storage.get_str("engine").ok());
    !own.options.is_empty() && engine.is_none_or(|engine| !IN_MEMORY.contains(&engine))
}
