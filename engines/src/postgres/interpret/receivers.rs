//! Which row of a primary's `pg_stat_replication` is which member.

use crate::endpoint::is_at;
use crate::postgres::answers::{TextRow, text};
use crate::postgres::{Answers, MemberAnswers};

/// The primary's row about a member: the row under the member's own name, else the one from its address. Several
/// standbys may come from one address (a proxy between), so names come first.
pub(super) fn row_of<'a>(primary: &'a Answers, seen: &MemberAnswers) -> Option<&'a TextRow> {
    let own = seen.answer.as_ref().ok().and_then(Answers::application_name);
    let named = primary.replication.iter().find(|row| {
        let name = text(row, "application_name").unwrap_or_default();
        own.as_deref() == Some(name) || name == seen.member
    });
    named.or_else(|| {
        primary
            .replication
            .iter()
            .find(|row| text(row, "client_addr").is_some_and(|host| is_at(&seen.member, seen.address.as_deref(), host)))
    })
}

/// Standbys of the primary that are not members of this workload. A receiver that reports replay is a standby; receivers of logs
/// and backups report none, and the reader of a logical slot is known by the slot.
pub(super) fn strangers(primary: &Answers, seen: &[MemberAnswers]) -> Vec<String> {
    let ours: Vec<Option<&str>> =
        seen.iter().filter_map(|seen| row_of(primary, seen)).map(|row| text(row, "pid")).collect();
    let logical = |row: &TextRow| {
        primary
            .slots
            .iter()
            .any(|slot| text(slot, "slot_type") == Some("logical") && text(slot, "active_pid") == text(row, "pid"))
    };
    let unknown: Vec<String> = primary
        .replication
        .iter()
        .filter(|row| text(row, "replay_lsn").is_some() && !logical(row) && !ours.contains(&text(row, "pid")))
        .map(|row| {
            let part = |name| text(row, name).unwrap_or("?");
            format!("{} at {}", part("application_name"), part("client_addr"))
        })
        .collect();
    // A silent member cannot tell its name, so as many unknown standbys may be the silent members.
    let silent = seen.iter().filter(|seen| seen.answer.is_err() && row_of(primary, seen).is_none()).count();
    if unknown.len() > silent { unknown } else { Vec::new() }
}
