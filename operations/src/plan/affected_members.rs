//! THINK. Which members a goal moves, and to which image.

use stateful_cluster::changes::rollout::TemplateChange;
use stateful_safety::{MemberState, Role};

use crate::steps::ChangeTemplate;
use crate::{Goal, Snapshot};

/// The image a goal leads to.
pub(crate) fn target_image<'a>(goal: &'a Goal, snapshot: &'a Snapshot) -> &'a str {
    match goal {
        Goal::Upgrade { change: Some(TemplateChange::Image { image, .. }), .. } => image,
        Goal::Upgrade { .. } | Goal::EvacuateNode { .. } | Goal::Switchover { .. } | Goal::Finalize { .. } => {
            &snapshot.workload.image
        }
    }
}

/// Whether a goal moves a member; or, for a switchover, whether it takes the primary role from it.
pub(crate) fn moves(goal: &Goal, snapshot: &Snapshot, member: &MemberState) -> bool {
    match goal {
        Goal::Switchover { member: wanted } => {
            let group = snapshot.assessment.group_of(wanted);
            member.role == Role::Primary
                && member.name != *wanted
                && group.is_some_and(|group| group.member(&member.name).is_some())
        }
        Goal::Finalize { .. } => false,
        // A new template makes every member an outdated one.
        Goal::Upgrade { change: Some(change), .. }
            if !ChangeTemplate { change: change.clone() }.is_visible(snapshot) =>
        {
            true
        }
        Goal::Upgrade { .. } | Goal::EvacuateNode { .. } => {
            snapshot.workload.member(&member.name).is_some_and(|pod| goal.needs_replacing(snapshot, pod))
        }
    }
}
