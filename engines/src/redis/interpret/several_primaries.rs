//! Several primaries outside of a Redis Cluster: how far each has written, and what can be said of whose data is the newest.

use stateful_safety::Blocker;

use crate::condition::{SEVERAL_PRIMARIES, several_primaries};
use crate::redis::conditions::SEVERAL_PRIMARIES_UNDER_SENTINELS;
use crate::redis::{Answers, MemberAnswers};

/// More than one primary of a group, which Sentinels watch over or not.
pub(super) fn found(group: &str, primaries: &[&MemberAnswers], sentinels: usize) -> Blocker {
    let told: Vec<(&str, &Answers)> = super::answered(primaries.iter().copied()).collect();
    let condition = if sentinels > 0 { SEVERAL_PRIMARIES_UNDER_SENTINELS } else { SEVERAL_PRIMARIES };
    let each: Vec<(&str, String)> = told.iter().map(|(member, answers)| (*member, place(answers))).collect();
    several_primaries(&condition, group, &each, &newest(&told))
}

fn place(answers: &Answers) -> String {
    let id = answers.field("master_replid").unwrap_or("?");
    let offset = answers.field("master_repl_offset").unwrap_or("?");
    format!("at offset {offset} of replication ID {}", id.get(..8).unwrap_or(id))
}

fn newest(told: &[(&str, &Answers)]) -> String {
    let known = match told {
        [one, other] => parted(*one, *other).or_else(|| parted(*other, *one)),
        _ => None,
    };
    known.unwrap_or_else(|| {
        "they have diverged, and offsets of different replication IDs do not tell whose data is the newest".to_owned()
    })
}

/// What each has written since `younger` was a replica of `older`, where they still know: a replica that becomes a primary keeps
/// the replication ID of before and the offset up to which it holds (`second_repl_offset` is the next one). Without a backlog a
/// server does not count what it writes while no replica follows it.
fn parted((older, old): (&str, &Answers), (younger, young): (&str, &Answers)) -> Option<String> {
    let counts = |answers: &Answers| answers.field("repl_backlog_active") == Some("1");
    if old.field("master_replid") != young.field("master_replid2") || !counts(old) || !counts(young) {
        return None;
    }
    let at = young.number("second_repl_offset")?.checked_sub(1)?;
    let since = |answers: &Answers| answers.number("master_repl_offset")?.checked_sub(at);
    let lead = format!("{younger} was a replica of {older} up to offset {at}");
    // An old primary that is not even there was restored from an older copy.
    Some(match (since(old)?, since(young)?) {
        (0, 0) => format!("{lead}, and neither has written anything since"),
        (0, more) => format!("{lead} and has all that {older} has, and {more} bytes more"),
        (more, 0) => format!("{lead}: {older} has all that {younger} has, and {more} bytes more"),
        (theirs, ours) => format!(
            "{lead}; since then they have diverged: {older} has {theirs} bytes that {younger} lacks, and {younger} {ours} \
             bytes that {older} lacks"
        ),
    })
}
