//! Several members that say they are the primary: in which term each was elected, and how far its oplog goes.

use stateful_safety::Blocker;

use super::{Answers, MemberAnswers, answers};
use crate::condition::several_primaries;
use crate::mongodb::answers::{commits, number};
use crate::mongodb::conditions::SEVERAL_PRIMARIES;

/// More than one primary of a set.
pub(super) fn found(set: &str, primaries: &[&MemberAnswers]) -> Blocker {
    let told: Vec<(&str, &Answers)> =
        primaries.iter().filter_map(|seen| Some((seen.member.as_str(), answers(seen)?))).collect();
    let each: Vec<(&str, String)> = told.iter().map(|(member, own)| (*member, place(own))).collect();
    several_primaries(&SEVERAL_PRIMARIES, set, &each, &newest(&told))
}

fn place(own: &Answers) -> String {
    let term = number(&own.status, "term").map_or_else(|| "?".to_owned(), |term| term.to_string());
    let applied = commits(&own.status).map(|commits| commits.applied);
    let applied = applied.map_or_else(|| "?".to_owned(), |(_, seconds, count)| format!("{seconds}:{count}"));
    format!("elected in term {term}, its newest entry {applied}")
}

/// The one of the latest term was elected by a majority, so whatever a majority has acknowledged, it has (manual, "Replica Set
/// Elections"). What another has accepted since is rolled back when that one joins it.
fn newest(told: &[(&str, &Answers)]) -> String {
    let term = |own: &Answers| number(&own.status, "term");
    let latest = told.iter().map(|(_, own)| term(own)).max().flatten();
    let mut elected_last = told.iter().filter(|(_, own)| term(own) == latest);
    match (elected_last.next(), elected_last.next(), told.iter().all(|(_, own)| term(own).is_some())) {
        (Some((member, _)), None, true) => format!(
            "a majority elected {member} last, so {member} has every write that a majority acknowledged; what another has accepted \
             since is on that one alone, and is rolled back when it follows again"
        ),
        _ => "their terms do not tell which of them a majority elected last".to_owned(),
    }
}
