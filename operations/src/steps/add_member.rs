//! # What it does
//! Adds one member (`spec.replicas`) and waits until it is there, ready, in sync with its primary and counted by it: from
//! then on one member may be away and the database has as many as before. The new member is created from the new template,
//! so an image that does not start is found out on it, before any other member is touched.
//! # Safe to repeat because
//! It scales only while exactly the number before is declared; declaring the same number twice changes nothing.
//! # Undo
//! The row that removes the member, at the end; in a rollback it comes first.
//! # Gives up when
//! The API server refuses, the new pod cannot start, or the step's deadline passes. No other member is touched before the
//! new one is in sync.

use std::fmt::{Display, Formatter, Result};

use serde::{Deserialize, Serialize};
use stateful_safety::Reason;

use super::{RowContext, Situation, StepRules, StepStatus};
use crate::Snapshot;
use crate::action::Action;

/// Add a member, and wait until it is in sync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddMember {
    /// The member.
    pub member: String,
    /// How many are declared then.
    pub replicas: usize,
}

impl StepRules for AddMember {
    fn fill(row: &RowContext<'_>) -> Option<Self> {
        let surge = row.surge.filter(|surge| !surge.is_withdrawn && surge.is_or_may_be())?;
        Some(Self { member: surge.name.clone(), replicas: surge.before + 1 })
    }

    fn status(&self, situation: &Situation<'_>) -> StepStatus {
        let Situation { goal, snapshot, policy } = *situation;
        let (name, declared) = (&self.member, snapshot.workload.replicas);
        if declared + 1 == self.replicas {
            return StepStatus::Pending;
        }
        if declared != self.replicas {
            return StepStatus::Stale(format!("another client has scaled it to {declared}"));
        }
        // A member created from an older template is replaced by a row of its own, like every other.
        let outdated =
            |member| goal.needs_replacing(snapshot, member) && !snapshot.workload.declared_revision.is_empty();
        if snapshot.workload.member(name).is_some_and(outdated) {
            return StepStatus::Done;
        }
        if snapshot.is_well(name) {
            return StepStatus::Done; // whether every other member is in sync, too, the next row's gates ask
        }
        let reasons = snapshot.reasons_not_in_sync(policy, None);
        StepStatus::Running(reasons.first().map_or_else(|| format!("{name} is not in sync yet"), ToString::to_string))
    }

    fn reasons_against(&self, _situation: &Situation<'_>) -> Vec<Reason> {
        Vec::new()
    }

    fn action(&self, _snapshot: &Snapshot) -> Option<Action> {
        Some(Action::AddMember { replicas: self.replicas })
    }

    fn needs_on_delete(&self) -> bool {
        true
    }

    fn awaited_pod(&self) -> Option<&str> {
        Some(&self.member)
    }

    /// Whether commits count the new member, and who else writes the number of members.
    fn notes(&self, snapshot: &Snapshot) -> Vec<String> {
        let Self { member, replicas } = self;
        let mut notes = Vec::new();
        if snapshot.assessment.groups.iter().any(|group| group.write_quorum > 1) {
            notes.push(format!(
                "{member} counts for commits only where synchronous_standby_names lists it, or all standbys (*)"
            ));
        }
        if let Some(owner) = &snapshot.workload.replicas_owner {
            notes.push(format!(
                "spec.replicas is written by {owner} as well: let it leave that field alone, or declare {replicas} there, \
                 until this is done; a client that sets it back takes {member} away, whatever its role"
            ));
        }
        notes
    }
}

impl Display for AddMember {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "add {} (scale to {})", self.member, self.replicas)
    }
}
