//! # What it does
//! Lets the engine move a group's primary role to a replica in sync, without losing a write, and waits until **all** members
//! agree on the new primary and the old one follows it.
//! # Safe to repeat because
//! When the successor is the primary already there is nothing to do; the engine's own protocol refuses a second switchover
//! while one runs.
//! # Undo
//! `kubectl stateful switchover` back, unless the new primary runs a newer version: older servers cannot follow it.
//! # Gives up when
//! The judge finds a reason that waiting does not resolve, the engine refused three times, or the step's deadline passes.
//! Never forced.

use std::fmt::{Display, Formatter, Result};

use serde::{Deserialize, Serialize};
use stateful_safety::{Disruption, Reason};

use super::{MovedRole, RowContext, Situation, StepRules, StepStatus};
use crate::Snapshot;
use crate::action::Action;

/// Make another member the primary of its group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchOver {
    /// The group, for people.
    pub group: String,
    /// The primary.
    pub from: String,
    /// Its successor.
    pub to: String,
}

impl StepRules for SwitchOver {
    fn fill(row: &RowContext<'_>) -> Option<Self> {
        Some(Self { group: row.group?.name.clone(), from: row.member.to_owned(), to: row.successor.to_owned() })
    }

    fn status(&self, situation: &Situation<'_>) -> StepStatus {
        let (Self { group, from, to }, snapshot) = (self, situation.snapshot);
        // By its name first: a broker is in many groups. A name may have changed since the plan was made (a shard's slots).
        let named = snapshot.assessment.groups.iter().find(|other| other.name == *group && other.member(to).is_some());
        let primary = named.or_else(|| snapshot.assessment.group_of(to)).and_then(|group| group.primary());
        match primary.map(|primary| &primary.name) {
            None => StepStatus::Running(format!("{group} has no primary yet")),
            Some(leader) if leader == from => StepStatus::Pending,
            Some(leader) if leader == to => match snapshot.reasons_not_in_sync(situation.policy, None).first() {
                None => StepStatus::Done,
                Some(reason) => StepStatus::Running(reason.to_string()),
            },
            Some(leader) => StepStatus::Stale(format!("{group} is led by {leader} by now")),
        }
    }

    fn reasons_against(&self, situation: &Situation<'_>) -> Vec<Reason> {
        situation.against(&Disruption::Switchover { from: self.from.clone(), to: self.to.clone() })
    }

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

impl Display for SwitchOver {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "switch over {} from {} to {}", self.group, self.from, self.to)
    }
}
