//! THINK. Turns the servers' answers into an [`Assessment`]. Pure: the same answers give the same assessment.

mod agreement;
mod cluster;
mod member;
mod replication;
mod several_primaries;
mod view;

use stateful_safety::{Assessment, Blocker, Millis};

use super::{Answers, MemberAnswers, conditions};

/// Interprets the answers of all members of one workload, asked at `now`.
///
/// One server in cluster mode makes it a Redis Cluster; then a member without an answer counts as one of its nodes.
pub fn interpret(seen: &[MemberAnswers], now: Millis) -> Assessment {
    let mut assessment = if answered(seen).any(|(_, answers)| answers.is_cluster()) {
        cluster::interpret(seen, now)
    } else {
        replication::interpret(seen, now)
    };
    assessment.blockers.extend(answered(seen).filter_map(|(member, answers)| snapshot(member, answers)));
    assessment
}

/// The members that answered, with their answers.
fn answered<'a>(seen: impl IntoIterator<Item = &'a MemberAnswers>) -> impl Iterator<Item = (&'a str, &'a Answers)> {
    seen.into_iter().filter_map(|seen| Some((seen.member.as_str(), seen.answer.as_ref().ok()?)))
}

fn snapshot(member: &str, answers: &Answers) -> Option<Blocker> {
    let running = |field| answers.field(field) == Some("1");
    let what = if running("rdb_bgsave_in_progress") {
        "RDB snapshot"
    } else if running("aof_rewrite_in_progress") {
        "AOF rewrite"
    } else {
        return None;
    };
    Some(conditions::SNAPSHOT_RUNNING.found(&[("member", &member), ("what", &what)]))
}

#[cfg(test)]
mod tests;
