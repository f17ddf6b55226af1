//! Whether commits could be made to wait for a standby, or do so for the duration of an operation.

use stateful_safety::SyncReplication;

use super::commits::name;
use crate::postgres::ha_manager::find_ha_manager;
use crate::postgres::standby_names::StandbyNames;
use crate::postgres::{Answers, MemberAnswers};

/// Reads the rule of the primary and of every other member: a rule that was set for the duration stays in the configuration of a
/// primary that has become a standby.
pub(super) fn synchrony(seen: &[MemberAnswers], primary: Option<&MemberAnswers>) -> SyncReplication {
    let Some(leader) = primary.and_then(|primary| primary.answer.as_ref().ok()) else {
        return SyncReplication::Unknown;
    };
    if is_marked(leader) {
        return SyncReplication::ForTheDuration;
    }
    if !is_ours_to_change(leader) {
        return SyncReplication::Declared;
    }
    if seen.iter().filter_map(|seen| seen.answer.as_ref().ok()).any(is_marked) {
        return SyncReplication::LeftBehind;
    }
    // A silent member may still have the rule.
    if seen.iter().any(|seen| seen.answer.is_err()) { SyncReplication::Unknown } else { SyncReplication::Asynchronous }
}

/// Whether commits wait for no standby and this tool may change that: no high-availability manager sets it (for Patroni see
/// `docs/decisions/0008`), it is not given on the command line, and commits would wait if a standby were listed.
fn is_ours_to_change(leader: &Answers) -> bool {
    let fixed = leader.field("command_line").unwrap_or_default().split(' ').any(|name| name == SETTING);
    let waits = !matches!(leader.field("synchronous_commit"), Some("off" | "local"));
    matches!(leader.field(SETTING).map(StandbyNames::parse), Some(Ok(None)))
        && find_ha_manager(leader).is_none()
        && !fixed
        && waits
}

const SETTING: &str = "synchronous_standby_names";

fn is_marked(answers: &Answers) -> bool {
    let rule = answers.field(SETTING).and_then(|rule| StandbyNames::parse(rule).ok()).flatten();
    rule.is_some_and(|rule| rule.is_for_the_duration())
}

/// The names by which the primary knows the standbys of this workload.
pub(in crate::postgres) fn standby_names(seen: &[MemberAnswers], leader: &MemberAnswers) -> Vec<String> {
    let Ok(answers) = &leader.answer else { return Vec::new() };
    seen.iter().filter(|seen| seen.member != leader.member).map(|seen| name(answers, seen)).collect()
}
