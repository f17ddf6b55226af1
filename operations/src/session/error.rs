//! Why an operation did not begin.

use stateful_cluster::locks::LockHolder;
use stateful_safety::{Policy, Reason};

use super::most_telling;
use crate::journal::Entry;
use crate::{Finding, Goal, Origin, PlanOutdated, Snapshot, Stop, WorldError, draft_plan, findings};

/// Why an operation did not begin.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Another operation runs now.
    #[error("it is held by {}", .0.identity)]
    Held(LockHolder),
    /// Another operation stopped and was neither resumed nor ended.
    #[error("operation {} ({}, by {}) is unfinished", .0.id, .0.verb, .0.by)]
    Unfinished(Box<Entry>),
    /// The database is not in a state to be moved.
    #[error("{0}")]
    NotSafe(Box<NotSafe>),
    /// The caller was asked and said no.
    #[error("not confirmed")]
    Declined,
    /// The process was asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// The world has changed since the plan was made.
    #[error(transparent)]
    Outdated(#[from] PlanOutdated),
    /// The operation lock is held, or the journal cannot be opened.
    #[error(transparent)]
    CannotBegin(WorldError),
    /// A switchover that had been interrupted could not be finished.
    #[error(transparent)]
    Stopped(Stop),
    /// The cluster or the database could not be read or written.
    #[error(transparent)]
    World(#[from] WorldError),
}

/// A goal that must not be pursued now.
#[derive(Debug)]
pub struct NotSafe {
    /// The goal.
    pub goal: Goal,
    /// What was observed last.
    pub snapshot: Snapshot,
    /// Every reason against it.
    pub reasons: Vec<Reason>,
}

impl NotSafe {
    /// Every check with its answer.
    pub fn findings(&self, policy: &Policy) -> Vec<Finding> {
        let draft = draft_plan(&self.goal, &self.snapshot, Origin::of(&self.snapshot), policy);
        findings(&draft, &self.snapshot, policy)
    }
}

impl NotSafe {
    /// What is not safe, and the reason that tells most, in one sentence.
    pub fn summary(&self) -> String {
        let more = match self.reasons.len() {
            0 | 1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        let cause = most_telling(&self.reasons).map(|reason| format!(": {reason} ({}){more}", reason.code()));
        let (goal, workload) = (&self.goal, &self.snapshot.workload.id);
        format!("{goal} of {workload} is not safe now{}; nothing was touched", cause.unwrap_or_default())
    }
}

impl std::fmt::Display for NotSafe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let reasons: Vec<String> = self.reasons.iter().map(ToString::to_string).collect();
        f.write_str(&reasons.join("; "))
    }
}
