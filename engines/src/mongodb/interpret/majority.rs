//! Does a majority of the set have what its primary writes? A write that asks for a majority (`w: majority`, the default since
//! 5.0) returns when the primary knows so, and members can follow closely without their primary hearing of it. Nothing is
//! written to find out: a primary makes an entry of its own every ten seconds.

use std::fmt::Display;

use stateful_safety::Blocker;

use super::{MemberAnswers, answers};
use crate::mongodb::answers::{COMMITTED_WITHIN, commits};
use crate::mongodb::conditions::{MAJORITY_BEHIND, MAJORITY_UNKNOWN};

/// None where a majority has the newest entry, or it is too young to tell. A primary that does not say counts as one whose
/// writes no other member has.
pub(super) fn behind(primary: Option<&MemberAnswers>) -> Option<Blocker> {
    let primary = primary?;
    let own = answers(primary)?;
    let later = if own.committed.is_empty() { &own.status } else { &own.committed };
    let milliseconds = match (commits(&own.status), commits(later)) {
        (Some(first), Some(last)) if last.committed >= first.applied => return None,
        (Some(first), Some(last)) => Some((last.now - first.applied_at).max(0)),
        _ => None,
    };
    let milliseconds = milliseconds.map(i64::unsigned_abs);
    let limit = COMMITTED_WITHIN.unsigned_abs();
    milliseconds.is_none_or(|milliseconds| milliseconds >= limit).then(|| match milliseconds {
        Some(milliseconds) => {
            let values: [(&str, &dyn Display); 3] =
                [("member", &primary.member), ("milliseconds", &milliseconds), ("limit", &limit)];
            MAJORITY_BEHIND.found(&values)
        }
        None => MAJORITY_UNKNOWN.found(&[("member", &primary.member)]),
    })
}
