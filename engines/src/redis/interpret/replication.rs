//! A primary and its replicas, with or without Sentinels: one replica group.

use stateful_safety::{Assessment, Blocker, MemberState, Millis, ReplicaGroup, Role, Sync};

use super::member::state;
use super::{answered, several_primaries};
use crate::endpoint::is_at;
use crate::no_primary;
use crate::redis::conditions::{ROLE_NOT_KEPT, SENTINELS_UNKNOWN, WRITES_REFUSED};
use crate::redis::profile::ROLE_WORDS;
use crate::redis::{Answers, MemberAnswers, fence_mark};
use crate::role_at_start;

pub(super) fn interpret(seen: &[MemberAnswers], now: Millis) -> Assessment {
    let role = |seen: &MemberAnswers| match seen.answer.as_ref().ok().and_then(|answers| answers.field("role")) {
        Some("master") => Role::Primary,
        Some("slave") => Role::Replica,
        _ => Role::Unknown,
    };
    let primaries: Vec<&MemberAnswers> = seen.iter().filter(|seen| role(seen) == Role::Primary).collect();
    let primary = primaries.first().copied();
    let min_replicas = primary.and_then(|primary| {
        let config = &primary.answer.as_ref().ok()?.config;
        config.get("min-replicas-to-write").or_else(|| config.get("min-slaves-to-write"))?.parse::<u64>().ok()
    });
    let fenced = min_replicas.and_then(fence_mark::before);
    let min_replicas = fenced.or(min_replicas).and_then(|replicas| usize::try_from(replicas).ok());
    let group = ReplicaGroup {
        name: "the replica group".to_owned(),
        members: seen
            .iter()
            .map(|member| match followed_replica(member, seen, primary) {
                Some(other) if role(member) == Role::Replica => {
                    let why = format!("it follows {other}, which is not the primary");
                    MemberState { sync: Sync::Behind { why }, ..state(member, Role::Replica, primary) }
                }
                Some(_) | None => state(member, role(member), primary),
            })
            .collect(),
        write_quorum: 1 + min_replicas.unwrap_or(0),
    };
    let sentinels = sentinels(seen);
    let mut blockers = match primaries[..] {
        [] => vec![no_primary(&group.name)],
        [_] => Vec::new(),
        _ => vec![several_primaries::found(&group.name, &primaries, sentinels)],
    };
    if let (Some(primary), Some(before)) = (primary, fenced) {
        blockers.push(WRITES_REFUSED.found(&[("member", &primary.member), ("before", &before)]));
    }
    if sentinels == 0 && seen.len() > 1 {
        blockers.extend(
            answered(seen)
                .filter(|(member, _)| !keeps_role(seen, member))
                .map(|(member, _)| ROLE_NOT_KEPT.found(&[("member", &member)])),
        );
        blockers.extend(decided_at_start(seen, primary));
    }
    let is_silent = |answers: &Answers| answers.subscribers.is_none();
    blockers.extend(
        answered(seen)
            .filter(|(_, answers)| seen.len() > 1 && is_silent(answers))
            .map(|(member, _)| SENTINELS_UNKNOWN.found(&[("member", &member)])),
    );
    let topology = match (sentinels, seen.len()) {
        (0, _) if answered(seen).next().is_none() => "unknown: no member answers".to_owned(),
        (0, 1) => "single server".to_owned(),
        (0, _) => "primary and replicas".to_owned(),
        (count, _) => format!("primary and replicas under {count} Sentinels"),
    };
    Assessment {
        taken_at: now,
        topology,
        groups: vec![group],
        quorums: Vec::new(),
        blockers,
        feature_release: None,
        synchrony: stateful_safety::SyncReplication::Declared,
        upgrade_notes: Vec::new(),
        notes: Vec::new(),
    }
}

/// The member that a replica follows where that is not the primary: what it has it got second-hand, and it is lost with that member.
/// It comes of a start script that knows no better, and Sentinels set it right after their failover timeout only (three minutes).
fn followed_replica<'a>(
    replica: &MemberAnswers,
    seen: &'a [MemberAnswers],
    primary: Option<&MemberAnswers>,
) -> Option<&'a str> {
    let host = replica.answer.as_ref().ok()?.field("master_host")?;
    let primary = primary?;
    let mut others = seen.iter().filter(|other| ![&primary.member, &replica.member].contains(&&other.member));
    let followed = others.find(|other| is_at(&other.member, other.address.as_deref(), host));
    followed.map(|other| other.member.as_str())
}

fn sentinels(seen: &[MemberAnswers]) -> usize {
    let mut addresses: Vec<String> = answered(seen).flat_map(|(_, answers)| answers.sentinels()).collect();
    addresses.sort();
    addresses.dedup();
    addresses.len()
}

/// What runs at each start and may write another role into a server's configuration file.
fn decided_at_start(seen: &[MemberAnswers], primary: Option<&MemberAnswers>) -> Vec<Blocker> {
    let mut files: Vec<&str> = answered(seen).filter_map(|(_, answers)| answers.field("config_file")).collect();
    files.retain(|file| !file.is_empty());
    files.dedup();
    seen.first().map_or_else(Vec::new, |first| {
        let leads = primary.map(|primary| primary.member.as_str());
        let members = role_at_start::Members::new(seen.iter().map(|seen| seen.member.as_str()), leads);
        ROLE_WORDS.find(&first.starts, &members, |line| files.iter().any(|file| role_at_start::writes(line, file)))
    })
}

/// Without Sentinels a server's role after a restart is what its configuration file says, so `CONFIG REWRITE` must be
/// able to record it, and the file must outlive the pod.
fn keeps_role(seen: &[MemberAnswers], member: &str) -> bool {
    let Some(seen) = seen.iter().find(|seen| seen.member == member) else { return false };
    let file = seen.answer.as_ref().ok().and_then(|answers| answers.field("config_file")).unwrap_or_default();
    !file.is_empty() && seen.kept.iter().any(|path| file.starts_with(path.as_str()))
}
