//! Is what would be touched a member at all? A pod the servers do not list is one nobody can judge.

use crate::case::Case;
use crate::{Disruption, Reason};

/// Refuses what names a member no assessment knows.
pub(crate) fn members_known(case: &Case<'_>) -> Vec<Reason> {
    let named: Vec<&String> = match case.disruption {
        Disruption::Take { members } => members.iter().collect(),
        Disruption::HandOver { from, to } | Disruption::FinishHandOver { from, to } => vec![from, to],
    };
    named
        .into_iter()
        .filter(|member| case.assessment.group_of(member).is_none())
        .map(|member| Reason::NotAMember { member: member.clone() })
        .collect()
}
