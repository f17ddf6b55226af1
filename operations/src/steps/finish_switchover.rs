//! # What it does
//! Asks the engine once more for a switchover that was begun and whose end was not observed, while the group has no primary:
//! the one of the two that has every write becomes the primary, be it the successor or the old primary. What is left of the
//! plan is planned after it.
//! # Safe to repeat because
//! It is done only while the group has no primary, and only between the two members that the journal names. The engine
//! observes both before it promotes one, and where one of them is the primary already it does nothing.
//! # Undo
//! None: a database without a primary is nothing to go back to.
//! # Gives up when
//! Another program decides who is the primary, the engine refused three times, or the step's deadline passes because one of
//! the two does not answer: it may be the one that has every write. Never forced.

use std::fmt::{Display, Formatter, Result};

use serde::{Deserialize, Serialize};
use stateful_safety::{Disruption, Reason, Role};

use super::{MovedRole, RowContext, Situation, StepRules, StepStatus};
use crate::Snapshot;
use crate::action::Action;

/// Finish a switchover that was begun, while its group has no primary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishSwitchover {
    /// The group, for people.
    pub group: String,
    /// The primary before it.
    pub from: String,
    /// Its successor.
    pub to: String,
}

impl StepRules for FinishSwitchover {
    fn fill(_row: &RowContext<'_>) -> Option<Self> {
        None // made from the journal alone, by `find_interrupted`
    }

    fn status(&self, situation: &Situation<'_>) -> StepStatus {
        let Self { group, to, .. } = self;
        let members = situation.snapshot.assessment.group_of(to).map(|group| group.members.iter());
        match members.map(|members| members.filter(|member| member.role == Role::Primary).count()) {
            None => StepStatus::Running(format!("no member knows {to}")),
            Some(0) => StepStatus::Pending,
            Some(1) => StepStatus::Done,
            Some(_) => StepStatus::Running(format!("{group} has more than one primary")),
        }
    }

    fn reasons_against(&self, situation: &Situation<'_>) -> Vec<Reason> {
        situation.against(&Disruption::FinishSwitchover { from: self.from.clone(), to: self.to.clone() })
    }

    /// The same as for the switchover itself: the engine observes how far that has come.
    fn action(&self, _snapshot: &Snapshot) -> Option<Action> {
        Some(Action::SwitchOver { from: self.from.clone(), to: self.to.clone() })
    }

    fn needs_on_delete(&self) -> bool {
        true
    }

    fn moved_role(&self) -> Option<MovedRole<'_>> {
        Some(MovedRole { group: &self.group, from: &self.from, to: &self.to })
    }
}

impl Display for FinishSwitchover {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "finish switching over {} from {} to {}, then see what is left", self.group, self.from, self.to)
    }
}
