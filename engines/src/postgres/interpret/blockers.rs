//! Conditions under which nothing may be moved.

use stateful_safety::Blocker;

use super::answered;
use super::receivers::strangers;
use crate::postgres::answers::{Row, text};
use crate::postgres::ha_manager::{HaManager, kept_by};
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
        if kept_by(answers) == Some(HaManager::Repmgr) {
            found.push(Blocker::LedByOther { member: member.clone(), by: "repmgr".to_owned() });
        }
        if answers.field("replay_paused") == Some("t") {
            found.push(Blocker::ReplayPaused { member });
        }
    }
    found
}

/// What a primary alone has, and a switchover would end or leave behind.
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

fn word(row: &Row, name: &str) -> String {
    text(row, name).unwrap_or("?").to_owned()
}
