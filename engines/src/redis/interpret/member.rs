//! One member's state, by its own answers and its primary's.

use stateful_safety::{MemberState, Role, Sync, Version};

use crate::endpoint::{directory_off_volumes, is_at};
use crate::redis::{Answers, MemberAnswers};

/// The state of a primary, of a replica of `primary`, or of a member that did not answer.
pub(super) fn state(seen: &MemberAnswers, role: Role, primary: Option<&MemberAnswers>) -> MemberState {
    let (sync, version, persists) = match &seen.answer {
        Err(why) => (Sync::Unreachable { why: why.clone() }, None, false),
        Ok(answers) => {
            let sync = match role {
                Role::Primary | Role::Unknown => primary_sync(answers),
                Role::Replica | Role::Peer => replica_sync(seen, answers, primary),
            };
            (sync, version(answers), persists(answers))
        }
    };
    let leader = primary.and_then(|primary| primary.answer.as_ref().ok()).filter(|_| role == Role::Replica);
    let lag_seconds = leader.and_then(|leader| last_heard(leader, seen));
    MemberState {
        name: seen.member.clone(),
        role,
        sync,
        lag_seconds,
        version,
        persists,
        lost_directory: lost_directory(seen),
        priority: seen.answer.as_ref().map_or(MemberState::NO_PREFERENCE, priority),
        confirms_writes: true,
    }
}

/// A replica whose `replica-priority` is 0 is never to lead (redis.conf): Sentinels would not choose it, and neither do we. Which
/// of the others goes first they decide by lag, as we do; a primary does not say what it has.
fn priority(answers: &Answers) -> u32 {
    if answers.number("slave_priority") == Some(0) { 0 } else { MemberState::NO_PREFERENCE }
}

/// Valkey reports its own version, and the Redis version it is compatible with; its own decides.
fn version(answers: &Answers) -> Option<Version> {
    answers.field("valkey_version").or_else(|| answers.field("redis_version")).and_then(Version::parse)
}

/// Where its files are; not known where the server hides its settings, and no matter where it writes none.
fn lost_directory(seen: &MemberAnswers) -> Option<String> {
    let answers = seen.answer.as_ref().ok().filter(|answers| persists(answers))?;
    directory_off_volumes(answers.config.get("dir")?, &seen.kept)
}

/// Append-only file or snapshots. A server that hides its settings and has no append-only file counts as having neither.
fn persists(answers: &Answers) -> bool {
    answers.field("aof_enabled") == Some("1") || answers.config.get("save").is_some_and(|save| !save.is_empty())
}

fn primary_sync(answers: &Answers) -> Sync {
    if is_loading(answers) { behind("loading its data") } else { Sync::InSync { lag_bytes: 0 } }
}

fn replica_sync(seen: &MemberAnswers, answers: &Answers, primary: Option<&MemberAnswers>) -> Sync {
    if is_loading(answers) {
        return behind("loading its data");
    }
    if answers.field("master_sync_in_progress") == Some("1") {
        return behind("copying everything from its primary");
    }
    if answers.field("master_link_status") != Some("up") {
        return behind("its link to the primary is down");
    }
    let Some(leader) = primary.and_then(|primary| primary.answer.as_ref().ok()) else {
        return behind("its primary does not answer");
    };
    let (Some(sent), Some(received)) = (leader.number("master_repl_offset"), answers.number("slave_repl_offset"))
    else {
        return behind("its replication offset is not known");
    };
    if answers.field("master_replid") != leader.field("master_replid") {
        return behind("it follows another replication stream than its primary's");
    }
    if !is_listed_online(leader, seen) {
        return behind("its primary does not count it online yet");
    }
    Sync::InSync { lag_bytes: sent.saturating_sub(received) }
}

/// Whether the primary lists the replica as online.
fn is_listed_online(leader: &Answers, seen: &MemberAnswers) -> bool {
    let lines = lines_about(leader, seen);
    !lines.is_empty() && lines.iter().all(|line| line.split(',').any(|part| part == "state=online"))
}

/// Seconds since the primary last heard the replica's offset; replicas send it once a second (`REPLCONF ACK`,
/// `replicationCron` in `replication.c`).
fn last_heard(leader: &Answers, seen: &MemberAnswers) -> Option<u64> {
    let lag = |line: &str| line.split(',').find_map(|part| part.strip_prefix("lag=")?.parse().ok());
    let lags: Option<Vec<u64>> = lines_about(leader, seen).into_iter().map(lag).collect();
    lags?.into_iter().max()
}

/// The primary's line about a replica. Where replicas announce another address than the pod's (`replica-announce-ip`) that line
/// cannot be told from the others: then all lines are returned.
fn lines_about<'a>(leader: &'a Answers, seen: &MemberAnswers) -> Vec<&'a str> {
    let replicas: Vec<&str> = (0..).map_while(|index| leader.field(&format!("slave{index}"))).collect();
    let is_own =
        |part: &str| part.strip_prefix("ip=").is_some_and(|host| is_at(&seen.member, seen.address.as_deref(), host));
    match replicas.iter().find(|line| line.split(',').any(is_own)) {
        Some(own) => vec![own],
        None => replicas,
    }
}

fn is_loading(answers: &Answers) -> bool {
    answers.field("loading") == Some("1") || answers.field("async_loading") == Some("1")
}

fn behind(why: &str) -> Sync {
    Sync::Behind { why: why.to_owned() }
}
