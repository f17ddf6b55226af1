//! THINK. A handover that was begun and of which nobody saw the end: whoever asked for it died, or was told "unknown".
//! Nobody leads then, clients wait, and only the engine knows by looking whether it is to be finished or given back.

use stateful_safety::{Policy, Role};

use crate::journal::Entry;
use crate::steps::Step;
use crate::{Goal, Look, Origin, Plan, Refusal, draft, draw_up};

/// What is left of an operation towards a goal: the handover it left unfinished, before all else; else what a fresh look
/// leaves to do.
pub fn draw_up_left(entry: &Entry, goal: &Goal, look: &Look, policy: &Policy) -> Result<Plan, Refusal> {
    let origin = entry.plan.origin.clone();
    match unfinished(entry, look) {
        Some(step) => Ok(finish_first(step, goal, look, origin, policy)),
        None => draw_up(goal, look, origin, policy),
    }
}

/// The step that ends the handover an operation left in its pause, if it did.
pub fn unfinished(entry: &Entry, look: &Look) -> Option<Step> {
    finishing(entry.handing_over.as_ref()?, look)
}

/// The step that ends a handover which this one began: only where nobody leads, and for engines that can be asked again.
fn finishing(begun: &Step, look: &Look) -> Option<Step> {
    let (group, from, to) = begun.handover()?;
    let members = &look.assessment.group_of(to)?.members;
    let led = members.iter().any(|member| member.role == Role::Primary);
    let asked_again = stateful_engines::finishes_handovers(look.workload.engine);
    (!led && asked_again).then(|| Step::FinishHandOver {
        group: group.to_owned(),
        from: from.to_owned(),
        to: to.to_owned(),
    })
}

/// A plan of one step. What comes after it nobody can say before it is known who leads.
fn finish_first(step: Step, goal: &Goal, look: &Look, origin: Origin, policy: &Policy) -> Plan {
    Plan { steps: vec![step], boundary: None, ..draft(goal, look, origin, policy) }
}

impl Plan {
    /// What to do instead when a handover of this plan, begun by whoever carries it out, left nobody leading.
    pub(crate) fn finishing(&self, index: usize, look: &Look, policy: &Policy) -> Option<Self> {
        let begun = self.steps.get(index).filter(|step| matches!(step, Step::HandOver { .. }))?;
        let step = finishing(begun, look)?;
        Some(finish_first(step, &self.goal, look, self.origin.clone(), policy))
    }

    /// Why what is left must be drawn up, once the step that ends a handover is done.
    pub(crate) fn is_to_be_continued(&self, index: usize) -> Option<String> {
        let Some(Step::FinishHandOver { group, .. }) = self.steps.get(index) else { return None };
        Some(format!("{group} has a primary again"))
    }
}

impl Step {
    /// Group, old primary and successor, where it is about a handover.
    pub(crate) fn handover(&self) -> Option<(&str, &str, &str)> {
        match self {
            Self::HandOver { group, from, to } | Self::FinishHandOver { group, from, to } => Some((group, from, to)),
            Self::HoldRollout
            | Self::ChangeTemplate { .. }
            | Self::AddMember { .. }
            | Self::RemoveMember { .. }
            | Self::Replace { .. }
            | Self::Route { .. }
            | Self::Finalize { .. }
            | Self::BeginSynchrony
            | Self::EndSynchrony
            | Self::ReleaseRollout { .. } => None,
        }
    }
}
