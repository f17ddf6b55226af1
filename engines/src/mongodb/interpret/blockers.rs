//! Conditions under which members may not be taken or switched over.

use std::fmt::Display;

use stateful_safety::Blocker;

use super::{Answers, MemberAnswers, answers, configuration, is_arbiter, is_moving, is_of};
use crate::mongodb::answers::{documents, moment, number};
use crate::mongodb::{Withheld, conditions};

/// How far back the oplog should reach, in seconds: an image pulled, a volume moved to another node, a server that
/// recovers. A member away for longer needs a whole copy (manual, "Resync a Member of a Replica Set").
const RESTARTS_WITHIN: i64 = 300;

/// The first entry of a set's oplog: nothing before it was thrown away.
const BEGINNING: &str = "initiating set";

pub(super) fn blockers(seen: &[MemberAnswers], primary: Option<&MemberAnswers>) -> Vec<Blocker> {
    let leader = primary.and_then(answers);
    let mut found: Vec<Blocker> = leader
        .into_iter()
        .flat_map(|leader| strangers(leader, seen))
        .map(|who| conditions::STRANGER.found(&[("who", &who)]))
        .collect();
    found.extend(backups_unknown(seen));
    for (seen, own) in seen.iter().filter_map(|seen| Some((seen, answers(seen)?))) {
        let member = &seen.member;
        if own.operations.get_bool("fsyncLock").unwrap_or(false) {
            found.push(conditions::WRITES_LOCKED.found(&[("member", member)]));
        }
        if documents(&own.operations, "inprog").next().is_some() {
            found.push(conditions::BUSY.found(&[("member", member), ("what", &"an index build")]));
        }
        if !own.backups.is_empty() {
            found.push(
                conditions::BUSY.found(&[("member", member), ("what", &"a backup (Percona Backup for MongoDB)")]),
            );
        }
        if let Some(leader) = leader {
            found.extend(features_differ(seen, own, leader));
            found.extend(short_oplog(seen, own, leader));
        }
    }
    found
}

/// Whether a backup runs is not known. Backups are recorded in the set itself, so one member's answer stands for all.
fn backups_unknown(seen: &[MemberAnswers]) -> Option<Blocker> {
    let withheld_from =
        seen.iter().find(|seen| answers(seen).is_some_and(|own| own.withheld.contains(&Withheld::Backups)))?;
    let what = "admin.pbmLock (Percona Backup for MongoDB)";
    Some(conditions::BACKUPS_UNKNOWN.found(&[("member", &withheld_from.member), ("what", &what)]))
}

/// Members of the set that bear data and are not pods of this workload. An arbiter elsewhere only votes.
fn strangers(leader: &Answers, seen: &[MemberAnswers]) -> Vec<String> {
    let elsewhere = leader.configured().filter(|member| !is_arbiter(member));
    let elsewhere = elsewhere.filter(|member| !seen.iter().any(|seen| is_of(member, "host", seen)));
    elsewhere.filter_map(|member| Some(member.get_str("host").ok()?.to_owned())).collect()
}

fn features_differ(seen: &MemberAnswers, own: &Answers, leader: &Answers) -> Option<Blocker> {
    let (says, primary_says) = (features(own)?, features(leader)?);
    let wrong = if own.leads() { is_moving(own) } else { says != primary_says };
    let condition = if says == primary_says { conditions::FEATURES_CHANGING } else { conditions::FEATURES_DIFFER };
    wrong.then(|| condition.found(&[("member", &seen.member), ("says", &says), ("primary_says", &primary_says)]))
}

/// The `featureCompatibilityVersion` as text; both releases while it is changing.
fn features(answers: &Answers) -> Option<String> {
    let parameter = answers.features.get_document("featureCompatibilityVersion").ok()?;
    let version = parameter.get_str("version").ok()?;
    Some(match parameter.get_str("targetVersion") {
        // While it is being lowered, `version` is the lower one already, and `previousVersion` the one of before.
        Ok(target) => format!("{} on its way to {target}", parameter.get_str("previousVersion").unwrap_or(version)),
        Err(_) => version.to_owned(),
    })
}

/// Whether the oplog of a member reaches back far enough for other members to catch up from it after a restart.
fn short_oplog(seen: &MemberAnswers, own: &Answers, leader: &Answers) -> Option<Blocker> {
    let hidden = configuration(leader, seen).is_some_and(|member| number(member, "priority") == Some(0));
    let begun = own.oldest.get_document("o").is_ok_and(|o| o.get_str("msg").is_ok_and(|msg| msg == BEGINNING));
    if hidden || begun {
        return None;
    }
    let newest = own.own().and_then(|own| moment(own, "lastAppliedWallTime"))?;
    let seconds = reach((newest - moment(&own.oldest, "wall")?) / 1_000, own);
    (seconds < RESTARTS_WITHIN).then(|| {
        let hours = RESTARTS_WITHIN.unsigned_abs().div_ceil(3_600);
        let (member, seconds, limit) = (&seen.member, seconds.max(0), RESTARTS_WITHIN);
        let values: [(&str, &dyn Display); 4] =
            [("member", member), ("seconds", &seconds), ("limit", &limit), ("hours", &hours)];
        conditions::HISTORY_SHORT.found(&values)
    })
}

/// How far back the oplog will reach when it is full, at the pace it was filled so far. The oplog of a member that has just copied
/// everything begins then, and has dropped nothing yet. Where its size is not known it counts as full.
fn reach(seconds: i64, own: &Answers) -> i64 {
    let (size, limit) = (number(&own.oplog, "size").unwrap_or(0), number(&own.oplog, "maxSize").unwrap_or(0));
    if size <= 0 || size >= limit {
        return seconds;
    }
    let full = i128::from(seconds.max(1)) * i128::from(limit) / i128::from(size);
    i64::try_from(full).unwrap_or(i64::MAX)
}
