//! THINK. A switchover that was begun and of which nobody saw the end: whoever asked for it died, or was told "unknown".
//! Nobody leads then, clients wait, and only the engine knows by looking whether it is to be finished or given back.

use stateful_safety::{Policy, Role};

use crate::journal::Entry;
use crate::steps::Step;
use crate::{Goal, Origin, Plan, Refusal, Snapshot, draft_plan, make_plan};

/// What is left of an operation towards a goal: the switchover it left unfinished, before all else; else what a fresh look
/// leaves to do.
pub fn plan_remaining(entry: &Entry, goal: &Goal, snapshot: &Snapshot, policy: &Policy) -> Result<Plan, Refusal> {
    let origin = entry.plan.origin.clone();
    match find_interrupted(entry, snapshot) {
        Some(step) => Ok(finish_first(step, goal, snapshot, origin, policy)),
        None => make_plan(goal, snapshot, origin, policy),
    }
}

/// The step that ends the switchover an operation left in its pause, if it did.
pub fn find_interrupted(entry: &Entry, snapshot: &Snapshot) -> Option<Step> {
    finishing(entry.handing_over.as_ref()?, snapshot)
}

/// The step that ends a switchover which this one began: only where nobody leads, and for engines that can be asked again.
fn finishing(begun: &Step, snapshot: &Snapshot) -> Option<Step> {
    let (group, from, to) = begun.switchover()?;
    let members = &snapshot.assessment.group_of(to)?.members;
    let led = members.iter().any(|member| member.role == Role::Primary);
    let asked_again = snapshot.workload.engine.finishes_switchovers;
    (!led && asked_again).then(|| Step::FinishSwitchover {
        group: group.to_owned(),
        from: from.to_owned(),
        to: to.to_owned(),
    })
}

/// A plan of one step. What comes after it nobody can say before it is known who leads.
fn finish_first(step: Step, goal: &Goal, snapshot: &Snapshot, origin: Origin, policy: &Policy) -> Plan {
    Plan { steps: vec![step], boundary: None, ..draft_plan(goal, snapshot, origin, policy) }
}

impl Plan {
    /// What to do instead when a switchover of this plan, begun by whoever carries it out, left nobody leading.
    pub(crate) fn finishing(&self, index: usize, snapshot: &Snapshot, policy: &Policy) -> Option<Self> {
        let begun = self.steps.get(index).filter(|step| matches!(step, Step::Switchover { .. }))?;
        let step = finishing(begun, snapshot)?;
        Some(finish_first(step, &self.goal, snapshot, self.origin.clone(), policy))
    }

    /// Why what is left must be drawn up, once the step that ends a switchover is done.
    pub(crate) fn is_to_be_continued(&self, index: usize) -> Option<String> {
        let Some(Step::FinishSwitchover { group, .. }) = self.steps.get(index) else { return None };
        Some(format!("{group} has a primary again"))
    }
}

impl Step {
    /// Group, old primary and successor, where it is about a switchover.
    pub(crate) fn switchover(&self) -> Option<(&str, &str, &str)> {
        match self {
            Self::Switchover { group, from, to } | Self::FinishSwitchover { group, from, to } => {
                Some((group, from, to))
            }
            Self::HoldRollout
            | Self::ChangeTemplate { .. }
            | Self::AddMember { .. }
            | Self::RemoveMember { .. }
            | Self::Replace { .. }
            | Self::Route { .. }
            | Self::Finalize { .. }
            | Self::BeginTemporarySync
            | Self::EndTemporarySync
            | Self::ReleaseRollout { .. } => None,
        }
    }
}
