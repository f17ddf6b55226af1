//! # What it does
//! Restores the StatefulSet's update strategy as it was before.
//! # Safe to repeat because
//! A strategy set twice is set.
//! # Undo
//! Nothing to undo.
//! # Gives up when
//! Any member does not run the declared revision: the controller would replace it at once, primary or not.

use stateful_safety::Rollout;

use crate::Snapshot;
use crate::steps::StepStatus;

pub(super) fn standing(before: Rollout, snapshot: &Snapshot) -> StepStatus {
    if snapshot.workload.rollout == before { StepStatus::Done } else { StepStatus::Pending }
}
