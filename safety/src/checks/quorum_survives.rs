//! Could a primary still be elected if one failed meanwhile? Below the majority nothing fails over any more.

use crate::case::Case;
use crate::{Disruption, Reason};

/// Refuses when a body of voters would fall below what an election needs.
///
/// Where a handover is finished nobody leads, so nobody's word is counted: it makes the one who will. A pod in which no
/// server ever ran votes for nobody: the body is as it was without it.
pub(crate) fn quorum_survives(case: &Case<'_>) -> Vec<Reason> {
    let touched = case.touched_groups();
    let takes_nothing = !touched.is_empty() && touched.iter().all(|group| case.takes_nothing_from(group));
    if takes_nothing || matches!(case.disruption, Disruption::FinishHandOver { .. }) {
        return Vec::new();
    }
    case.assessment
        .electorates
        .iter()
        .filter_map(|electorate| {
            let left = electorate.live.iter().filter(|voter| !case.is_gone(voter)).count();
            (left < electorate.needed).then(|| Reason::QuorumLost {
                voters_are: electorate.voters_are.clone(),
                left,
                needed: electorate.needed,
            })
        })
        .collect()
}
