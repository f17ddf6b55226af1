//! Is what would be touched a member at all? A pod the servers do not list is one nobody can judge.

use crate::case::Case;
use crate::{Disruption, Reason};

/// Refuses what names a member no assessment knows.
pub(crate) fn members_known(case: &Case<'_>) -> Vec<Reason> {
    let (taken, moved) = match case.disruption {
        Disruption::Take { members } => (members.as_slice(), None),
        Disruption::HandOver { from, to } | Disruption::FinishHandOver { from, to } => {
            ([].as_slice(), Some([from, to]))
        }
    };
    taken
        .iter()
        .chain(moved.into_iter().flatten())
        .filter(|member| case.assessment.group_of(member).is_none())
        .map(|member| Reason::NotAMember { member: member.clone() })
        .collect()
}
