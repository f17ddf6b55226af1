//! How an operation ends, and how long it may take to.

use std::time::Duration;

use stateful_safety::Reason;

use crate::WorldError;
use crate::steps::Step;

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimits {
    /// The whole operation; `None` is without end.
    pub whole: Option<Duration>,
    /// One step, its waiting included.
    pub step: Duration,
}

/// How an operation ended.
#[derive(Debug)]
pub enum Outcome {
    /// The goal is reached.
    Finished,
    /// It stopped where it is safe. The journal says so, if it could still be written.
    Stopped(Stop),
}

/// Why it stopped.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// A step's or the whole operation's time ran out; what it was waiting for.
    #[error("out of time after {after:?} ({step}): still waiting: {waiting_for}")]
    TimedOut {
        /// The step.
        step: String,
        /// What it was waiting for.
        waiting_for: String,
        /// The limit that ran out.
        after: Duration,
    },
    /// The process was asked to stop.
    #[error("interrupted ({step})")]
    Interrupted {
        /// The step it was at.
        step: String,
    },
    /// Waiting will not help.
    #[error("a human is needed ({step}): {why}")]
    NeedsHuman {
        /// The step.
        step: String,
        /// Why, one reason or several.
        why: String,
        /// The reasons the judge gave, where it was the judge.
        reasons: Vec<Reason>,
    },
    /// The cluster or the database could not be read or written.
    #[error("{0}")]
    World(#[from] WorldError),
}

impl Stop {
    pub(crate) fn needs_human(step: &Step, why: String, reasons: Vec<Reason>) -> Self {
        Self::NeedsHuman { step: step.to_string(), why, reasons }
    }
}
