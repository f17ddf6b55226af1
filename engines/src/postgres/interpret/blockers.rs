//! Conditions under which members may not be taken or switched over.

use stateful_safety::Blocker;

use super::answered;
use super::receivers::strangers;
use crate::postgres::answers::{TextRow, text};
use crate::postgres::ha_manager::{HaManager, find_ha_manager};
use crate::postgres::{Answers, MemberAnswers, conditions};

pub(super) fn blockers(seen: &[MemberAnswers], primary: Option<&MemberAnswers>) -> Vec<Blocker> {
    let mut found = Vec::new();
    if let Some((name, leader)) = primary.and_then(|primary| Some((&primary.member, primary.answer.as_ref().ok()?))) {
        found.extend(strangers(leader, seen).iter().map(|who| conditions::STRANGER.found(&[("who", who)])));
        found.extend(of_primary(name, leader));
    }
    for (member, answers) in answered(seen) {
        found.extend(
            answers
                .backups
                .first()
                .map(|row| conditions::BACKUP_RUNNING.found(&[("member", &member), ("phase", &column(row, "phase"))])),
        );
        let other = match find_ha_manager(answers) {
            Some(HaManager::Repmgr) => Some(("repmgr", "repmgr standby switchover")),
            Some(HaManager::AutoFailover) => Some(("pg_auto_failover", "pg_autoctl perform switchover")),
            Some(HaManager::Patroni) | None => None,
        };
        if let Some((by, command)) = other {
            let named: [(&str, &dyn std::fmt::Display); 3] = [("member", &member), ("by", &by), ("command", &command)];
            found.push(conditions::MANAGED_BY_OTHER.found(&named));
        }
        if answers.field("replay_paused") == Some("t") {
            found.push(conditions::REPLAY_PAUSED.found(&[("member", &member)]));
        }
    }
    found
}

/// What exists only on the primary, and a switchover would end or leave behind.
fn of_primary(member: &str, leader: &Answers) -> Vec<Blocker> {
    let open = leader.transactions.first().map(|row| {
        let (process, seconds) = (column(row, "pid"), column(row, "seconds"));
        conditions::TRANSACTION_OPEN.found(&[("member", &member), ("process", &process), ("seconds", &seconds)])
    });
    let prepared = leader.prepared.first().map(|row| {
        conditions::TRANSACTION_PREPARED.found(&[("member", &member), ("transaction", &column(row, "gid"))])
    });
    let slots = leader.slots.iter().filter_map(|row| {
        let slot = column(row, "slot_name");
        match text(row, "wal_status") {
            Some(status @ ("lost" | "unreserved")) => {
                Some(conditions::SLOT_LOST.found(&[("member", &member), ("slot", &slot), ("status", &status)]))
            }
            // From 17 on a standby can keep a copy of it (manual, "Logical Replication Failover").
            _ if text(row, "slot_type") == Some("logical") && text(row, "failover") != Some("t") => {
                Some(conditions::SLOT_NOT_CARRIED.found(&[("member", &member), ("slot", &slot)]))
            }
            _ => None,
        }
    });
    open.into_iter().chain(prepared).chain(slots).collect()
}

fn column(row: &TextRow, name: &str) -> String {
    text(row, name).unwrap_or("?").to_owned()
}
