//! # What it does
//! Sets the StatefulSet's update strategy to `OnDelete`. Under `RollingUpdate` its controller would replace pods by ordinal
//! as soon as the template changes, primaries like any other; and with a partition, a pod below it that is deleted comes
//! back with the old template.
//! # Safe to repeat because
//! Setting a strategy that is set already changes nothing.
//! # Undo
//! The plan's last row restores the strategy as it was.
//! # Gives up when
//! The API server refuses the patch.

use std::fmt::{Display, Formatter, Result};

use stateful_safety::{Reason, Rollout};

use super::{RowContext, Situation, StepRules, StepStatus};
use crate::Snapshot;
use crate::action::Action;

/// Set the update strategy to `OnDelete`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldRollout;

impl StepRules for HoldRollout {
    fn fill(_row: &RowContext<'_>) -> Option<Self> {
        Some(Self)
    }

    fn status(&self, situation: &Situation<'_>) -> StepStatus {
        match situation.snapshot.workload.rollout {
            Rollout::OnDelete => StepStatus::Done,
            // Preflight refuses an unknown strategy. Set by another client later, it may take every member at the same time.
            Rollout::RollingUpdate { .. } | Rollout::Other { .. } => StepStatus::Pending,
        }
    }

    fn reasons_against(&self, _situation: &Situation<'_>) -> Vec<Reason> {
        Vec::new()
    }

    fn action(&self, _snapshot: &Snapshot) -> Option<Action> {
        Some(Action::HoldRollout)
    }

    fn needs_on_delete(&self) -> bool {
        false
    }
}

impl Display for HoldRollout {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("hold the rollout (OnDelete)")
    }
}
