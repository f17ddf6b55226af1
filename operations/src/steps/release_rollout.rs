//! # What it does
//! Restores the StatefulSet's update strategy as it was before.
//! # Safe to repeat because
//! Setting a strategy that is set already changes nothing.
//! # Undo
//! Nothing to undo.
//! # Gives up when
//! Any member does not run the declared revision: the controller would replace it at once, primary or not.

use std::fmt::{Display, Formatter, Result};

use serde::{Deserialize, Serialize};
use stateful_safety::{Reason, Rollout};

use super::{RowContext, Situation, StepRules, StepStatus};
use crate::Snapshot;
use crate::action::Action;

/// Restore the update strategy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRollout {
    /// The strategy as it was.
    pub before: Rollout,
}

impl StepRules for ReleaseRollout {
    /// Whenever the rollout was not on `OnDelete`, and there is anything to do or an operation before has left it there.
    fn fill(row: &RowContext<'_>) -> Option<Self> {
        let before = &row.origin.rollout;
        let held = !row.planned.is_empty() || !row.snapshot.workload.rollout.restores(before);
        (held && *before != Rollout::OnDelete).then(|| Self { before: before.clone() })
    }

    fn status(&self, situation: &Situation<'_>) -> StepStatus {
        let is_restored = situation.snapshot.workload.rollout.restores(&self.before);
        if is_restored { StepStatus::Done } else { StepStatus::Pending }
    }

    fn reasons_against(&self, _situation: &Situation<'_>) -> Vec<Reason> {
        Vec::new()
    }

    fn action(&self, _snapshot: &Snapshot) -> Option<Action> {
        Some(Action::ReleaseRollout(self.before.clone()))
    }

    fn needs_on_delete(&self) -> bool {
        false
    }
}

impl Display for ReleaseRollout {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.before {
            Rollout::OnDelete => f.write_str("leave the rollout on OnDelete, as it was"),
            Rollout::RollingUpdate { .. } => f.write_str("release the rollout (RollingUpdate)"),
            Rollout::Other { strategy } => write!(f, "release the rollout ({strategy})"),
        }
    }
}
