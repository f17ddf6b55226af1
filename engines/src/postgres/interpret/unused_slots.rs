//! Replication slots without a reader, and for which a server keeps its log all the same.

use super::answered;
use crate::postgres::answers::{TextRow, text};
use crate::postgres::lsn::Lsn;
use crate::postgres::{Answers, MemberAnswers};

/// A sentence for each of them, with how much of the log it holds. One that is lost holds nothing, and has a code of its own.
pub(super) fn notes(seen: &[MemberAnswers]) -> Vec<String> {
    answered(seen)
        .flat_map(|(member, answers)| answers.slots.iter().filter_map(move |row| note(member, answers, row)))
        .collect()
}

fn note(member: &str, answers: &Answers, row: &TextRow) -> Option<String> {
    if text(row, "active") != Some("f") || text(row, "wal_status") == Some("lost") {
        return None;
    }
    let (slot, kept_from) = (text(row, "slot_name")?, Lsn::parse(text(row, "restart_lsn")?)?);
    let end =
        answers.position("flush_lsn").or_else(|| answers.position("receive_lsn").max(answers.position("replay_lsn")));
    let held =
        end.map_or_else(|| "its log".to_owned(), |end| format!("{} bytes of its log", Lsn::ahead_of(end, kept_from)));
    Some(format!(
        "no server reads through replication slot {slot} of {member}, and {member} keeps {held} for it until its disk is full; where \
         its reader is gone for good, drop it"
    ))
}
