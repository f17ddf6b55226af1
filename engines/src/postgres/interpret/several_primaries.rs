//! Several members that take writes: on which timeline each is, how far, and what can be said of whose data is the newest.

use stateful_safety::Blocker;

use super::member::timeline;
use crate::condition::several_primaries;
use crate::postgres::conditions::{SEVERAL_PRIMARIES, SEVERAL_PRIMARIES_UNDER_PATRONI};
use crate::postgres::ha_manager::{HaManager, find_ha_manager};
use crate::postgres::{Answers, MemberAnswers};

/// More than one primary of a group.
pub(super) fn found(group: &str, primaries: &[&MemberAnswers]) -> Blocker {
    let told: Vec<(&str, &Answers)> = super::answered(primaries.iter().copied()).collect();
    let by_patroni = told.iter().any(|(_, answers)| find_ha_manager(answers) == Some(HaManager::Patroni));
    let condition = if by_patroni { SEVERAL_PRIMARIES_UNDER_PATRONI } else { SEVERAL_PRIMARIES };
    let each: Vec<(&str, String)> = told.iter().map(|(member, answers)| (*member, place(answers))).collect();
    several_primaries(&condition, group, &each, newest(&told))
}

/// Where a primary writes.
fn place(answers: &Answers) -> String {
    let timeline = timeline(answers).map_or_else(|| "?".to_owned(), |timeline| timeline.to_string());
    format!("on timeline {timeline} at {}", answers.field("flush_lsn").unwrap_or("?"))
}

/// Positions of different timelines cannot be compared, and a higher timeline is only one that began later: from the positions alone
/// nothing follows about whose rows are newer. So this never says that one of them has everything.
fn newest(told: &[(&str, &Answers)]) -> &'static str {
    let differ = |fact: fn(&Answers) -> Option<String>| {
        let mut facts = told.iter().map(|(_, answers)| fact(answers));
        let first = facts.next();
        facts.any(|other| Some(other) != first)
    };
    if differ(|answers| answers.field("system_identifier").map(ToOwned::to_owned)) {
        "they are different databases (their system identifiers differ)"
    } else if differ(|answers| timeline(answers).map(|timeline| timeline.to_string())) {
        "they have diverged: each has written to a timeline of its own, none has what the others wrote there, and the \
         positions do not tell whose rows are the newest"
    } else {
        "they write the same timeline, each its own: none has what the others wrote, and the positions do not tell whose \
         rows are the newest"
    }
}
