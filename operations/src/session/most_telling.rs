//! THINK. Which of several reasons to name first.

use stateful_safety::Reason;

/// The reason to name where there is room for one: a server that does not answer explains whatever else is not known;
/// otherwise the first.
pub fn most_telling(reasons: &[Reason]) -> Option<&Reason> {
    reasons.iter().find(|reason| matches!(reason, Reason::NotAnswering { .. })).or(reasons.first())
}
