//! Which standbys a commit waits for.

use stateful_safety::Quorum;

use super::receivers::row_of;
use crate::postgres::answers::text;
use crate::postgres::standby_names::StandbyNames;
use crate::postgres::{Answers, MemberAnswers};

/// What a commit needs.
pub(super) struct Commits {
    /// Members in sync, the primary included.
    pub(super) need: usize,
    /// The listed standbys as a quorum of their own, where a standby here is not listed: no commit waits for that standby, which
    /// the number of members in sync cannot express.
    pub(super) quorum: Vec<Quorum>,
}

/// Reads `synchronous_standby_names` and `synchronous_commit` of the primary (manual, "Synchronous Replication"): one
/// standby too few and every commit hangs, without an error.
pub(super) fn commits(seen: &[MemberAnswers], primary: Option<&MemberAnswers>) -> Commits {
    let alone = Commits { need: 1, quorum: Vec::new() };
    let Some(leader) = primary.and_then(|primary| primary.answer.as_ref().ok()) else {
        return alone; // no member takes writes: that is a blocker of its own
    };
    if matches!(leader.field("synchronous_commit"), Some("off" | "local")) {
        return alone;
    }
    let rule = match leader.field("synchronous_standby_names").map(StandbyNames::parse) {
        Some(Ok(Some(rule))) => rule,
        Some(Ok(None)) => return alone,
        // Which standbys commits wait for is not known: more than there are are required, so that no member is taken.
        Some(Err(_)) | None => return Commits { need: seen.len() + 1, quorum: Vec::new() },
    };
    let standbys = || seen.iter().filter(|seen| primary.is_none_or(|primary| primary.member != seen.member));
    let listed = |seen: &MemberAnswers| rule.lists(&name(leader, seen));
    let streams = |seen: &MemberAnswers| row_of(leader, seen).and_then(|row| text(row, "state")) == Some("streaming");
    let quorum = Quorum {
        voters_are: "standbys that commits wait for (synchronous_standby_names)".to_owned(),
        live: standbys().filter(|seen| listed(seen) && streams(seen)).map(|seen| seen.member.clone()).collect(),
        needed: rule.needed,
    };
    let all_listed = standbys().all(listed);
    Commits { need: 1 + rule.needed, quorum: if all_listed { Vec::new() } else { vec![quorum] } }
}

/// The name by which the primary knows a standby: as it is registered there, else as it would register itself.
pub(super) fn name(leader: &Answers, seen: &MemberAnswers) -> String {
    let registered = row_of(leader, seen).and_then(|row| text(row, "application_name")).map(ToOwned::to_owned);
    let own = || seen.answer.as_ref().ok().and_then(Answers::application_name);
    registered.or_else(own).unwrap_or_else(|| seen.member.clone())
}
