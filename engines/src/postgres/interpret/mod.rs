//! THINK. Turns the servers' answers into an [`Assessment`]. Pure: the same answers give the same assessment.

mod blockers;
mod collations;
mod commits;
mod member;
mod receivers;
mod role_at_start;
mod several_primaries;
mod sync_replication;
mod unused_slots;

use stateful_safety::{Assessment, Blocker, Millis, ReplicaGroup, Role};

use super::{Answers, MemberAnswers};
pub(super) use sync_replication::standby_names;

/// Interprets the answers of all members of one workload, asked at `now`.
pub fn interpret(seen: &[MemberAnswers], now: Millis) -> Assessment {
    let primaries: Vec<&MemberAnswers> = seen.iter().filter(|seen| role(seen) == Role::Primary).collect();
    // Of two primaries neither counts: which of them a standby follows decides nothing.
    let primary = if let [only] = primaries[..] { Some(only) } else { None };
    let commits = commits::commits(seen, primary);
    let group = ReplicaGroup {
        name: "main".to_owned(),
        members: seen.iter().map(|seen| member::state(seen, role(seen), primary)).collect(),
        write_quorum: commits.need,
    };
    let mut blockers: Vec<Blocker> = match primaries[..] {
        [] => vec![crate::no_primary(&group.name)],
        [_] => Vec::new(),
        _ => vec![several_primaries::found(&group.name, &primaries)],
    };
    blockers.extend(role_at_start::blockers(seen, primary));
    blockers.extend(blockers::blockers(seen, primary));
    blockers.extend(collations::blockers(seen, primary));
    let topology = match (answered(seen).next(), seen.len()) {
        (None, _) => "unknown: no member answers".to_owned(),
        (Some(_), 1) => "single server".to_owned(),
        (Some(_), _) => {
            format!("primary and {} standbys", if commits.need > 1 { "synchronous" } else { "asynchronous" })
        }
    };
    Assessment {
        taken_at: now,
        topology,
        groups: vec![group],
        quorums: commits.quorum,
        blockers,
        feature_release: None,
        synchrony: sync_replication::synchrony(seen, primary),
        upgrade_notes: Vec::new(),
        notes: unused_slots::notes(seen),
    }
}

/// Whether a member says that it takes writes.
pub(super) fn is_primary(seen: &MemberAnswers) -> bool {
    role(seen) == Role::Primary
}

fn role(seen: &MemberAnswers) -> Role {
    match seen.answer.as_ref().ok().and_then(Answers::in_recovery) {
        Some(false) => Role::Primary,
        Some(true) => Role::Replica,
        None => Role::Unknown,
    }
}

/// The members that answered, with their answers.
fn answered<'a>(seen: impl IntoIterator<Item = &'a MemberAnswers>) -> impl Iterator<Item = (&'a str, &'a Answers)> {
    seen.into_iter().filter_map(|seen| Some((seen.member.as_str(), seen.answer.as_ref().ok()?)))
}

#[cfg(test)]
mod tests;
