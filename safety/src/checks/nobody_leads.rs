//! Is there a handover to finish at all? Only while nobody leads may somebody be made to: else there would be two writers.

use crate::case::Case;
use crate::{Disruption, Reason, Role};

/// Refuses finishing a handover where somebody leads, or where one of the two that could is about to go.
pub(crate) fn nobody_leads(case: &Case<'_>) -> Vec<Reason> {
    let Disruption::FinishHandOver { from, to } = case.disruption else {
        return Vec::new();
    };
    let Some(group) = case.assessment.group_of(from) else {
        return Vec::new(); // members_known has said so
    };
    let together = group.member(to).is_some();
    let led = group.members.iter().any(|member| member.role == Role::Primary);
    let unfit = (led || !together).then(|| Reason::NotASuccessor { to: to.clone(), from: from.clone() });
    let leaving = [from, to].into_iter().filter(|member| case.is_leaving(member));
    let leaving = leaving.map(|member| Reason::MemberAway {
        group: group.name.clone(),
        member: member.clone(),
        why: "its pod is being deleted".to_owned(),
    });
    unfit.into_iter().chain(leaving).collect()
}
