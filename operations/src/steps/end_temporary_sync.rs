//! # What it does
//! Makes commits wait for no standby again, as before the operation, on every member whose configuration has the temporary
//! rule.
//! # Safe to repeat because
//! Only a rule with that mark is removed; once it is removed there is none to remove.
//! # Undo
//! Nothing to undo.
//! # Gives up when
//! The engine refused three times, or the step's deadline passes.

use std::fmt::{Display, Formatter, Result};

use stateful_safety::{Reason, SyncReplication};

use super::{RowContext, Situation, Step, StepRules, StepStatus};
use crate::Snapshot;
use crate::action::Action;
use crate::goal::temporary_sync;

/// Make commits wait for no standby again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndTemporarySync;

impl StepRules for EndTemporarySync {
    fn fill(row: &RowContext<'_>) -> Option<Self> {
        let begun = row.planned.contains(&Step::BeginTemporarySync);
        (begun || temporary_sync::is_to_end(row.snapshot)).then_some(Self)
    }

    fn status(&self, situation: &Situation<'_>) -> StepStatus {
        match situation.snapshot.assessment.synchrony {
            SyncReplication::ForTheDuration | SyncReplication::LeftBehind => StepStatus::Pending,
            SyncReplication::Asynchronous | SyncReplication::Declared => StepStatus::Done,
            SyncReplication::Unknown => StepStatus::Running("which standbys commits wait for is not known".to_owned()),
        }
    }

    fn reasons_against(&self, _situation: &Situation<'_>) -> Vec<Reason> {
        Vec::new()
    }

    fn action(&self, _snapshot: &Snapshot) -> Option<Action> {
        Some(Action::EndTemporarySync)
    }

    fn needs_on_delete(&self) -> bool {
        false
    }
}

impl Display for EndTemporarySync {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("let commits wait for no standby again, as before")
    }
}
