//! Standbys that sort text by another release of a library than the primary (see `SORTS_DIFFERENTLY`).

use stateful_safety::Blocker;

use super::answered;
use crate::postgres::conditions::{SEVERAL_SORT_DIFFERENTLY, SORTS_DIFFERENTLY};
use crate::postgres::{Answers, MemberAnswers};

/// The libraries that sort text, by the column that has their version. That of the C library begins with its kind (`gnu`, `musl`): a
/// database that was made where it has no version (musl) tells no version anywhere.
const LIBRARIES: [(&str, &str); 2] = [("c_library", "the C library"), ("icu_library", "ICU")];

pub(super) fn blockers(seen: &[MemberAnswers], primary: Option<&MemberAnswers>) -> Vec<Blocker> {
    let Some(before) = primary.and_then(|primary| primary.answer.as_ref().ok()) else { return Vec::new() };
    let different: Vec<_> =
        answered(seen).filter_map(|(member, answers)| Some((member, difference(before, answers)?))).collect();
    let condition = if different.len() > 1 { SEVERAL_SORT_DIFFERENTLY } else { SORTS_DIFFERENTLY };
    let found = different.iter().map(|(member, (library, before, version))| {
        condition.found(&[("member", member), ("library", library), ("version", version), ("before", before)])
    });
    found.collect()
}

/// The first library that differs: its name, the primary's version and that member's.
fn difference<'a>(primary: &'a Answers, member: &'a Answers) -> Option<(&'static str, &'a str, &'a str)> {
    LIBRARIES.iter().find_map(|(column, library)| {
        let (before, version) = (primary.field(column)?, member.field(column)?);
        (before != version).then_some((*library, before, version))
    })
}
