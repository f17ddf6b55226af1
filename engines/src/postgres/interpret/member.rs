//! One member's state, by its own answers and its primary's.

use stateful_safety::{MemberState, Role, Sync, Version};

use super::receivers::row_of;
use crate::endpoint::directory_off_volumes;
use crate::postgres::answers::text;
use crate::postgres::lsn::Lsn;
use crate::postgres::{Answers, MemberAnswers};

/// The state of a primary, of a standby of `primary`, or of a member that did not answer.
pub(super) fn state(seen: &MemberAnswers, role: Role, primary: Option<&MemberAnswers>) -> MemberState {
    let leader = primary.and_then(|primary| primary.answer.as_ref().ok());
    let (sync, version, persists) = match &seen.answer {
        Err(why) => (Sync::Unreachable { why: why.clone() }, None, false),
        Ok(answers) => {
            let sync = match role {
                Role::Primary | Role::Unknown => Ok(0),
                Role::Replica | Role::Peer => lag(seen, answers, leader),
            };
            let sync = match sync {
                Ok(lag_bytes) => Sync::InSync { lag_bytes },
                Err(why) => Sync::Behind { why },
            };
            // Without fsync a crash of the machine may leave pages half written and the data broken.
            (sync, answers.field("server_version").and_then(Version::parse), answers.field("fsync") == Some("on"))
        }
    };
    let row = leader.filter(|_| role == Role::Replica).and_then(|leader| row_of(leader, seen));
    let lag_seconds = row.and_then(|row| text(row, "seconds_since_reply")?.parse().ok());
    MemberState {
        name: seen.member.clone(),
        role,
        sync,
        lag_seconds,
        version,
        persists,
        lost_directory: lost_directory(seen),
        priority: MemberState::NO_PREFERENCE,
        confirms_writes: true,
    }
}

fn lost_directory(seen: &MemberAnswers) -> Option<String> {
    directory_off_volumes(seen.answer.as_ref().ok()?.field("data_directory")?, &seen.kept)
}

/// How many bytes of the primary's log a standby has not on its disk, or why it cannot be said to follow at all. What it
/// has received and flushed decides, not what it has replayed: promotion replays the rest.
fn lag(seen: &MemberAnswers, answers: &Answers, leader: Option<&Answers>) -> Result<u64, String> {
    let leader = leader.ok_or("its primary does not answer")?;
    if answers.field("system_identifier") != leader.field("system_identifier") {
        return Err("it is a copy of another database (its system identifier differs)".to_owned());
    }
    let receiver = answers.receiver.first().filter(|row| text(row, "status") == Some("streaming"));
    let receiver = receiver.ok_or("it does not receive its primary's log")?;
    let follows: Option<u32> = text(receiver, "received_tli").and_then(|timeline| timeline.parse().ok());
    match (follows, timeline(leader)) {
        (Some(own), Some(leading)) if own == leading => {}
        (Some(own), Some(leading)) => return Err(format!("it is on timeline {own}, its primary on {leading}")),
        _ => return Err("its timeline is not known".to_owned()),
    }
    match row_of(leader, seen).and_then(|row| text(row, "state")) {
        Some("streaming") => {}
        Some(state) => return Err(format!("its primary says of it: {state}")),
        None => return Err("its primary does not send to it".to_owned()),
    }
    let (written, flushed) = (leader.position("flush_lsn"), answers.position("receive_lsn"));
    let (Some(written), Some(flushed)) = (written, flushed) else {
        return Err("its position in the log is not known".to_owned());
    };
    Ok(Lsn::ahead_of(written, flushed))
}

/// The timeline a primary writes: the first eight hexadecimal digits of its file's name (manual, "WAL Internals").
pub(super) fn timeline(primary: &Answers) -> Option<u32> {
    u32::from_str_radix(primary.field("wal_file")?.get(..8)?, 16).ok()
}
