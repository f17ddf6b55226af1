//! Does the group have no primary, so that there is a switchover to finish? Only then may a member be made the primary: else
//! there would be two.

use crate::judge::check_input::CheckInput;
use crate::judge::disruption::Disruption;
use crate::model::Role;
use crate::reasons::Reason;

/// Refuses finishing a switchover where the group has a primary, or where one of the two that could become it is being deleted.
pub(crate) fn no_primary(input: &CheckInput<'_>) -> Vec<Reason> {
    let Disruption::FinishSwitchover { from, to } = input.disruption else {
        return Vec::new();
    };
    let Some(group) = input.assessment.group_of(from) else {
        return Vec::new(); // members_known has said so
    };
    let together = group.member(to).is_some();
    let led = group.members.iter().any(|member| member.role == Role::Primary);
    let unfit = (led || !together).then(|| Reason::NotASuccessor { to: to.clone(), from: from.clone() });
    let leaving = [from, to].into_iter().filter(|member| input.is_leaving(member));
    let leaving = leaving.map(|member| Reason::MemberAway {
        group: group.name.clone(),
        member: member.clone(),
        why: "its pod is being deleted".to_owned(),
    });
    unfit.into_iter().chain(leaving).collect()
}
