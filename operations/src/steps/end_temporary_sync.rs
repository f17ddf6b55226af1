//! # What it does
//! Lets commits wait for nobody again, as before the operation, on every member whose configuration has the rule of the
//! duration.
//! # Safe to repeat because
//! Only a rule with that mark is taken back, and one that is taken back is gone.
//! # Undo
//! Nothing to undo.
//! # Gives up when
//! The engine refused three times, or the step's deadline passes.

use stateful_safety::SyncReplication;

use crate::Snapshot;
use crate::steps::StepStatus;

pub(super) fn standing(snapshot: &Snapshot) -> StepStatus {
    match snapshot.assessment.synchrony {
        SyncReplication::ForTheDuration | SyncReplication::LeftBehind => StepStatus::Pending,
        SyncReplication::Asynchronous | SyncReplication::Declared => StepStatus::Done,
        SyncReplication::Unknown => StepStatus::Running("whom commits wait for is not known".to_owned()),
    }
}
