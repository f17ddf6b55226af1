//! # What it does
//! Makes commits wait for one standby where they wait for none, before any member is taken away: if a server dies suddenly
//! while members are away, no acknowledged write is lost with it.
//! # Safe to repeat because
//! Setting a rule that is set already changes nothing, and the rule is recognised by its own mark.
//! # Undo
//! The plan's last row, and `abort`.
//! # Gives up when
//! The engine refused three times, or the step's deadline passes. Where no standby has the writes it is put back at once.

use std::fmt::{Display, Formatter, Result};

use stateful_safety::{Reason, SyncReplication};

use super::{RowContext, Situation, StepRules, StepStatus};
use crate::Snapshot;
use crate::action::Action;
use crate::goal::temporary_sync;

/// Make commits wait for a standby, where they wait for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BeginTemporarySync;

impl StepRules for BeginTemporarySync {
    fn fill(row: &RowContext<'_>) -> Option<Self> {
        temporary_sync::begins(row.snapshot, row.surge).then_some(Self)
    }

    fn status(&self, situation: &Situation<'_>) -> StepStatus {
        match situation.snapshot.assessment.synchrony {
            SyncReplication::Asynchronous | SyncReplication::LeftBehind => StepStatus::Pending,
            // A rule that a user has declared meanwhile protects writes as well.
            SyncReplication::ForTheDuration | SyncReplication::Declared => StepStatus::Done,
            SyncReplication::Unknown => StepStatus::Running("which standbys commits wait for is not known".to_owned()),
        }
    }

    fn reasons_against(&self, _situation: &Situation<'_>) -> Vec<Reason> {
        Vec::new()
    }

    fn action(&self, _snapshot: &Snapshot) -> Option<Action> {
        Some(Action::BeginTemporarySync)
    }

    fn needs_on_delete(&self) -> bool {
        false
    }
}

impl Display for BeginTemporarySync {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("let commits wait for a standby (synchronous_standby_names)")
    }
}
