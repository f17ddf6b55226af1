//! # What it does
//! Evicts a replica's pod, by UID, and waits until the pod that replaces it is ready, runs what it should, is in sync with
//! its primary, and every member knows its new address.
//! # Safe to repeat because
//! A member that already runs what it should, where it should, is not evicted again; an eviction names the pod's UID.
//! # Undo
//! None needed: the member comes back with its volume. To its old version by `kubectl stateful rollback`.
//! # Gives up when
//! The judge finds a reason that waiting does not resolve (the member has become a primary), the new pod cannot start, or
//! the step's deadline passes. No other member is touched meanwhile.

use std::fmt::{Display, Formatter, Result};

use serde::{Deserialize, Serialize};
use stateful_safety::{Disruption, Reason};

use super::{RowContext, Situation, StepRules, StepStatus};
use crate::action::Action;
use crate::{Goal, Snapshot};

/// Evict a replica's pod, and wait until the pod that replaces it is in sync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplaceMember {
    /// The member.
    pub member: String,
}

impl StepRules for ReplaceMember {
    fn fill(row: &RowContext<'_>) -> Option<Self> {
        Some(Self { member: row.member.to_owned() })
    }

    fn status(&self, situation: &Situation<'_>) -> StepStatus {
        let (Situation { goal, snapshot, policy }, name) = (*situation, &self.member);
        let Some(member) = snapshot.workload.member(name) else {
            return StepStatus::Running(format!("there is no new pod of {name} yet"));
        };
        if member.terminating {
            return StepStatus::Running(format!("the old pod of {name} is ending"));
        }
        if matches!(goal, Goal::Upgrade { .. }) && snapshot.workload.declared_revision.is_empty() {
            return StepStatus::Running("the controller has not made a revision of the template yet".to_owned());
        }
        if goal.needs_replacing(snapshot, member) {
            if snapshot.leads(name) {
                return StepStatus::Stale(format!("{name} has become a primary"));
            }
            return StepStatus::Pending;
        }
        match snapshot.reasons_not_in_sync(policy, None).first() {
            None => StepStatus::Done,
            Some(reason) => StepStatus::Running(reason.to_string()),
        }
    }

    fn reasons_against(&self, situation: &Situation<'_>) -> Vec<Reason> {
        situation.against(&Disruption::Take { members: vec![self.member.clone()] })
    }

    fn action(&self, snapshot: &Snapshot) -> Option<Action> {
        let uid = snapshot.workload.member(&self.member)?.uid.clone();
        Some(Action::Evict { member: self.member.clone(), uid })
    }

    fn needs_on_delete(&self) -> bool {
        true
    }

    fn removed_member(&self) -> Option<&str> {
        Some(&self.member)
    }

    fn awaited_pod(&self) -> Option<&str> {
        Some(&self.member)
    }
}

impl Display for ReplaceMember {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "replace {}", self.member)
    }
}
