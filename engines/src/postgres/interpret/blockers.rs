//! Conditions under which nothing may be moved.

use stateful_safety::Blocker;

use super::answered;
use super::receivers::strangers;
use crate::postgres::answers::{Row, text};
use crate::postgres::{Answers, Seen};

pub(super) fn blockers(seen: &[Seen], primary: Option<&Seen>) -> Vec<Blocker> {
    let mut found = Vec::new();
    if let Some((name, leader)) = primary.and_then(|primary| Some((&primary.member, primary.answer.as_ref().ok()?))) {
        found.extend(strangers(leader, seen).into_iter().map(|who| Blocker::Stranger { who }));
        found.extend(of_primary(name, leader));
    }
    for (member, answers) in answered(seen) {
        let member = member.to_owned();
        found.extend(
            answers
                .backups
                .first()
                .map(|row| Blocker::BackupRunning { member: member.clone(), phase: word(row, "phase") }),
        );
        found.extend(led_by(answers).map(|by| Blocker::LedByOther { member: member.clone(), by: by.to_owned() }));
        if answers.field("replay_paused") == Some("t") {
            found.push(Blocker::ReplayPaused { member });
        }
    }
    found
}

/// What a primary alone has, and a handover would end or leave behind.
fn of_primary(member: &str, leader: &Answers) -> Vec<Blocker> {
    let member = || member.to_owned();
    let open = leader.transactions.first().map(|row| Blocker::TransactionOpen {
        member: member(),
        process: word(row, "pid"),
        seconds: word(row, "seconds"),
    });
    let prepared = leader
        .prepared
        .first()
        .map(|row| Blocker::TransactionPrepared { member: member(), transaction: word(row, "gid") });
    let slots = leader.slots.iter().filter_map(|row| {
        let slot = word(row, "slot_name");
        match text(row, "wal_status") {
            Some(status @ ("lost" | "unreserved")) => {
                Some(Blocker::SlotLost { member: member(), slot, status: status.to_owned() })
            }
            // From 17 on a standby can keep a copy of it (manual, "Logical Replication Failover").
            _ if text(row, "slot_type") == Some("logical") && text(row, "failover") != Some("t") => {
                Some(Blocker::SlotNotCarried { member: member(), slot })
            }
            _ => None,
        }
    });
    open.into_iter().chain(prepared).chain(slots).collect()
}

/// Who decides who leads, where the server shows it: Patroni gives the settings that must be alike everywhere on the
/// command line (documentation, "Important rules"), repmgr is loaded as a library.
fn led_by(answers: &Answers) -> Option<&'static str> {
    let given: Vec<&str> = answers.field("command_line").unwrap_or_default().split(' ').collect();
    let by_patroni = ["track_commit_timestamp", "wal_log_hints", "max_prepared_transactions"];
    if by_patroni.iter().all(|name| given.contains(name)) {
        return Some("Patroni");
    }
    let libraries = answers.field("shared_preload_libraries").unwrap_or_default();
    libraries.split(',').any(|library| library.trim() == "repmgr").then_some("repmgr")
}

fn word(row: &Row, name: &str) -> String {
    text(row, name).unwrap_or("?").to_owned()
}
