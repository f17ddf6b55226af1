//! THINK. A switchover that was begun and whose end was not observed: the process that asked for it died, or was told
//! "unknown". Its group has no primary then and clients wait. Only the engine can find out, by observing both members,
//! whether the switchover is to be finished or reverted.

use stateful_safety::{Policy, Role};

use super::{Refusal, draft_plan, make_plan};
use crate::journal::Entry;
use crate::steps::{FinishSwitchover, MovedRole, Step, StepKind};
use crate::{Goal, Origin, Plan, Snapshot};

/// What is left of an operation towards a goal: the switchover that was interrupted, before all else; else what a fresh
/// snapshot leaves to do.
pub fn plan_remaining(entry: &Entry, goal: &Goal, snapshot: &Snapshot, policy: &Policy) -> Result<Plan, Refusal> {
    let origin = entry.plan.origin.clone();
    match find_interrupted(entry, snapshot) {
        Some(step) => Ok(finish_first(step, goal, snapshot, origin, policy)),
        None => make_plan(goal, snapshot, origin, policy),
    }
}

/// The step that finishes the switchover in which an operation was interrupted, if there is one.
pub fn find_interrupted(entry: &Entry, snapshot: &Snapshot) -> Option<Step> {
    finish(entry.open_switchover.as_ref()?, snapshot)
}

/// The step that finishes a switchover which this step began: only where the group has no primary, and only for engines that
/// can be asked again.
fn finish(begun: &Step, snapshot: &Snapshot) -> Option<Step> {
    let MovedRole { group, from, to } = begun.moved_role()?;
    let members = &snapshot.assessment.group_of(to)?.members;
    let led = members.iter().any(|member| member.role == Role::Primary);
    let can_be_asked_again = snapshot.workload.engine.finishes_switchovers;
    let step = FinishSwitchover { group: group.to_owned(), from: from.to_owned(), to: to.to_owned() };
    (!led && can_be_asked_again).then(|| step.into())
}

/// A plan of one step. What comes after it depends on which member becomes the primary.
fn finish_first(step: Step, goal: &Goal, snapshot: &Snapshot, origin: Origin, policy: &Policy) -> Plan {
    Plan { steps: vec![step], boundary: None, ..draft_plan(goal, snapshot, origin, policy) }
}

impl Plan {
    /// What to do instead when a switchover of this plan, begun by this process, left its group without a primary.
    pub(crate) fn finish_switchover(&self, index: usize, snapshot: &Snapshot, policy: &Policy) -> Option<Self> {
        let begun = self.steps.get(index).filter(|step| step.kind() == StepKind::SwitchOver)?;
        let step = finish(begun, snapshot)?;
        Some(finish_first(step, &self.goal, snapshot, self.origin.clone(), policy))
    }

    /// Why the rest must be planned, once the step that finishes a switchover is done.
    pub(crate) fn has_finished_switchover(&self, index: usize) -> Option<String> {
        let Some(Step::FinishSwitchover(FinishSwitchover { group, .. })) = self.steps.get(index) else { return None };
        Some(format!("{group} has a primary again"))
    }
}
