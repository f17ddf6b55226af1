//! THINK. Whom a goal moves, and to what.

use stateful_cluster::changes::rollout::TemplateChange;
use stateful_safety::{MemberState, Policy, Role};

use crate::Snapshot;
use crate::goal::Goal;
use crate::steps::{Step, StepStatus, needs_replacing};

/// The image a goal leads to.
pub(crate) fn target_image<'a>(goal: &'a Goal, snapshot: &'a Snapshot) -> &'a str {
    match goal {
        Goal::Upgrade { change: Some(TemplateChange::Image { image, .. }), .. } => image,
        Goal::Upgrade { .. } | Goal::EvacuateNode { .. } | Goal::Switchover { .. } | Goal::Finalize { .. } => {
            &snapshot.workload.image
        }
    }
}

/// Whether a goal moves a member; or, for a switchover, whether it takes the lead from it.
pub(crate) fn moves(goal: &Goal, snapshot: &Snapshot, policy: &Policy, member: &MemberState) -> bool {
    match goal {
        Goal::Switchover { member: wanted } => {
            let group = snapshot.assessment.group_of(wanted);
            member.role == Role::Primary
                && member.name != *wanted
                && group.is_some_and(|group| group.member(&member.name).is_some())
        }
        Goal::Finalize { .. } => false,
        // A new template makes every member an old one.
        Goal::Upgrade { change: Some(change), .. }
            if Step::ChangeTemplate { change: change.clone() }.standing(goal, snapshot, policy) != StepStatus::Done =>
        {
            true
        }
        Goal::Upgrade { .. } | Goal::EvacuateNode { .. } => {
            snapshot.workload.member(&member.name).is_some_and(|pod| needs_replacing(goal, snapshot, pod))
        }
    }
}
