//! Could a primary still be elected if one failed meanwhile? Below the majority nothing fails over any more.

use crate::Reason;
use crate::case::Case;

/// Refuses when a body of voters would fall below what an election needs.
pub(crate) fn quorum_survives(case: &Case<'_>) -> Vec<Reason> {
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
