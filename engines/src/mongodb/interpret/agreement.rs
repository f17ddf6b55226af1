//! Do the members agree? Each member that answers is compared with the primary, and with the answers of the other members.

use stateful_safety::Blocker;

use super::{Answers, MemberAnswers, answers, is_of};
use crate::mongodb::answers::number;

/// What each member gets wrong, one finding for each member: the first is enough to wait.
pub(super) fn disagreements(seen: &[MemberAnswers], primary: Option<&MemberAnswers>) -> Vec<Blocker> {
    seen.iter()
        .filter_map(|member| {
            let about = about(member, answers(member)?, seen, primary?)?;
            Some(crate::VIEWS_DISAGREE.found(&[("member", &member.member), ("about", &about)]))
        })
        .collect()
}

fn about(member: &MemberAnswers, own: &Answers, seen: &[MemberAnswers], primary: &MemberAnswers) -> Option<String> {
    let leader = answers(primary)?;
    if own.status.is_empty() {
        return None; // its state says so
    }
    let version = |answers: &Answers| {
        let config = answers.config.get_document("config").ok()?;
        Some((number(config, "version")?, number(config, "term")))
    };
    if let (Some(mine), Some(theirs)) = (version(own), version(leader))
        && mine != theirs
    {
        let words = |(version, term): (i64, Option<i64>)| match term {
            Some(term) => format!("version {version} of term {term}"),
            None => format!("version {version}"),
        };
        return Some(format!("the set's configuration is {}, its primary {}", words(mine), words(theirs)));
    }
    if number(&own.status, "term") != number(&leader.status, "term") {
        return Some("another election was the last".to_owned());
    }
    let named = own.hello.get_str("primary").ok();
    if named != leader.hello.get_str("me").ok() {
        return Some(match named {
            Some(named) => format!("{named} leads"),
            None => "no member leads".to_owned(),
        });
    }
    let unreachable = seen
        .iter()
        .filter(|other| other.member != member.member && other.answer.is_ok())
        .find(|other| own.members().any(|listed| is_of(listed, "name", other) && number(listed, "health") == Some(0)));
    unreachable.map(|other| format!("{} is unreachable, but it answers", other.member))
}
