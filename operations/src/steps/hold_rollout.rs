//! # What it does
//! Puts the StatefulSet on `OnDelete`. Under `RollingUpdate` its controller would replace pods by ordinal the moment the
//! template changes, primaries like any other, and under a partition a pod deleted below it comes back old.
//! # Safe to repeat because
//! A strategy set twice is set.
//! # Undo
//! The plan's last row restores the strategy as it was.
//! # Gives up when
//! The API server refuses.

use stateful_safety::Rollout;

use crate::Snapshot;
use crate::steps::StepStatus;

pub(super) fn standing(snapshot: &Snapshot) -> StepStatus {
    match snapshot.workload.rollout {
        Rollout::OnDelete => StepStatus::Done,
        Rollout::RollingUpdate { .. } => StepStatus::Pending,
    }
}
