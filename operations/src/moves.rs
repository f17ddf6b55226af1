//! THINK. Whom a goal moves, and to what.

use stateful_cluster::TemplateChange;
use stateful_safety::{MemberState, Policy, Role};

use crate::Look;
use crate::goal::Goal;
use crate::steps::{Standing, Step, needs_replacing};

/// The image a goal leads to.
pub(crate) fn target_image<'a>(goal: &'a Goal, look: &'a Look) -> &'a str {
    match goal {
        Goal::Renew { change: Some(TemplateChange::Image { image, .. }), .. } => image,
        Goal::Renew { .. } | Goal::Leave { .. } | Goal::Lead { .. } | Goal::Finalize { .. } => &look.workload.image,
    }
}

/// Whether a goal moves a member; or, for a switchover, whether it takes the lead from it.
pub(crate) fn moves(goal: &Goal, look: &Look, policy: &Policy, member: &MemberState) -> bool {
    match goal {
        Goal::Lead { member: wanted } => {
            let group = look.assessment.group_of(wanted);
            member.role == Role::Primary
                && member.name != *wanted
                && group.is_some_and(|group| group.member(&member.name).is_some())
        }
        Goal::Finalize { .. } => false,
        // A new template makes every member an old one.
        Goal::Renew { change: Some(change), .. }
            if Step::ChangeTemplate { change: change.clone() }.standing(goal, look, policy) != Standing::Settled =>
        {
            true
        }
        Goal::Renew { .. } | Goal::Leave { .. } => {
            look.workload.member(&member.name).is_some_and(|pod| needs_replacing(goal, look, pod))
        }
    }
}
