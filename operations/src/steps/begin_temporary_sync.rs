//! # What it does
//! Lets commits wait for one of the standbys where they wait for nobody, before anybody is touched: whichever server dies
//! suddenly while members are away, no acknowledged write is lost with it.
//! # Safe to repeat because
//! A rule set twice is set, and it is known by its own mark.
//! # Undo
//! The plan's last row, and `abort`.
//! # Gives up when
//! The engine refused three times, or the step's deadline passes. Where no standby has the writes it is put back at once.

use stateful_safety::SyncReplication;

use crate::Snapshot;
use crate::steps::StepStatus;

pub(super) fn standing(snapshot: &Snapshot) -> StepStatus {
    match snapshot.assessment.synchrony {
        SyncReplication::Asynchronous | SyncReplication::LeftBehind => StepStatus::Pending,
        // Whoever has set a rule of their own meanwhile has done as much.
        SyncReplication::ForTheDuration | SyncReplication::Declared => StepStatus::Done,
        SyncReplication::Unknown => StepStatus::Running("whom commits wait for is not known".to_owned()),
    }
}
