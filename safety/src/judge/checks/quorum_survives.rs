//! Could a primary still be elected if one failed meanwhile? Below the majority nothing fails over any more.

use crate::judge::check_input::CheckInput;
use crate::judge::disruption::Disruption;
use crate::reasons::Reason;

/// Refuses when a body of voters would fall below what an election needs.
///
/// Where a switchover is finished no member leads, and finishing it makes the one that will: voters are not counted then. A pod in which no
/// server ever ran has no vote: the quorum is as it was without it.
pub(crate) fn quorum_survives(input: &CheckInput<'_>) -> Vec<Reason> {
    let mut touched = input.touched_groups().peekable();
    let takes_nothing = touched.peek().is_some() && touched.all(|group| input.takes_nothing_from(group));
    if takes_nothing || matches!(input.disruption, Disruption::FinishSwitchover { .. }) {
        return Vec::new();
    }
    input
        .assessment
        .quorums
        .iter()
        .filter_map(|quorum| {
            let left = quorum.live.iter().filter(|voter| !input.is_gone(voter)).count();
            (left < quorum.needed).then(|| Reason::QuorumLost {
                voters_are: quorum.voters_are.clone(),
                left,
                needed: quorum.needed,
            })
        })
        .collect()
}
