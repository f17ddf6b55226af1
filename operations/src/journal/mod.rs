//! The journal: what an operation planned, what it did, and how it ended. Append-only; written before each change.
//!
//! Its state is derived by one function, [`State::next`], which both the running operation and a `resume` from
//! another machine go through: a line that cannot follow is an error, never a guess.

mod history;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use stateful_engines::Ledger;
use stateful_safety::Millis;

use crate::Plan;

pub use history::{Entry, read};

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// When.
    pub at: Millis,
    /// What.
    #[serde(flatten)]
    pub what: Line,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Line {
    /// The operation began.
    Opened {
        /// The verb the user typed.
        verb: String,
        /// Who: user and host.
        by: String,
        /// Version of this tool.
        tool: String,
        /// What it is going to do.
        plan: Plan,
    },
    /// It was resumed, or the database had changed by itself: what is left was planned again.
    #[serde(rename = "redrawn")]
    Replanned {
        /// Who.
        by: String,
        /// Why.
        why: String,
        /// What is left.
        plan: Plan,
    },
    /// A step is about to make its change. Written before it does.
    Acting {
        /// Its place in the plan.
        step: usize,
        /// Which attempt.
        attempt: u32,
    },
    /// A step is done.
    Done {
        /// Its place in the plan.
        step: usize,
        /// How long it took, in milliseconds.
        took: Millis,
        /// For a switchover: from the request until the successor was the primary, in milliseconds.
        #[serde(rename = "handedOverIn")]
        switchover_took: Option<Millis>,
    },
    /// It stopped where it was safe; `resume` goes on.
    Stopped {
        /// Why.
        why: String,
    },
    /// It reached its goal.
    Finished {
        /// What the canary saw, if one was asked for.
        canary: Option<Ledger>,
    },
    /// A user ended it where it was (`abort`).
    Aborted {
        /// Who.
        by: String,
    },
}

/// Where an operation stands, derived from its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// There is a plan, and no step is changing anything.
    #[serde(rename = "between")]
    BetweenSteps,
    /// A step has announced its change; whether the change was made is found out by observing.
    Acting(usize),
    /// It stopped and says so.
    Stopped,
    /// It reached its goal.
    Finished,
    /// It was ended before its goal.
    Aborted,
}

impl State {
    /// The state after a line, or why that line cannot be. `None` is the state of an empty journal.
    pub fn next(now: Option<Self>, line: &Line) -> Result<Self, String> {
        match (now, line) {
            (None, Line::Opened { .. })
            | (Some(Self::BetweenSteps | Self::Acting(_) | Self::Stopped), Line::Replanned { .. }) => {
                Ok(Self::BetweenSteps)
            }
            (Some(Self::BetweenSteps), Line::Acting { step, .. }) => Ok(Self::Acting(*step)),
            // Another attempt of the same step: the first was refused, or its answer was lost.
            (Some(Self::Acting(acting)), Line::Acting { step, .. }) if acting == *step => Ok(Self::Acting(*step)),
            (Some(Self::BetweenSteps), Line::Done { .. }) => Ok(Self::BetweenSteps),
            (Some(Self::Acting(acting)), Line::Done { step, .. }) if acting == *step => Ok(Self::BetweenSteps),
            (Some(Self::BetweenSteps | Self::Acting(_) | Self::Stopped), Line::Stopped { .. }) => Ok(Self::Stopped),
            (Some(Self::BetweenSteps), Line::Finished { .. }) => Ok(Self::Finished),
            (Some(Self::BetweenSteps | Self::Acting(_) | Self::Stopped), Line::Aborted { .. }) => Ok(Self::Aborted),
            (now, line) => Err(format!("{line:?} cannot follow {now:?}")),
        }
    }

    /// Whether there is something left to resume.
    pub const fn is_open(self) -> bool {
        match self {
            Self::BetweenSteps | Self::Acting(_) | Self::Stopped => true,
            Self::Finished | Self::Aborted => false,
        }
    }
}

#[cfg(test)]
mod states {
    use super::{Line, State};

    const ACTING: Line = Line::Acting { step: 2, attempt: 1 };
    const DONE: Line = Line::Done { step: 2, took: 5, switchover_took: None };

    #[test]
    fn a_step_acts_and_is_done_in_that_order() {
        let acting = State::next(Some(State::BetweenSteps), &ACTING).expect("acting");
        assert_eq!(acting, State::Acting(2));
        assert_eq!(State::next(Some(acting), &ACTING), Ok(State::Acting(2)), "another attempt of the same step");
        assert_eq!(State::next(Some(acting), &DONE), Ok(State::BetweenSteps));
        assert!(State::next(Some(acting), &Line::Acting { step: 3, attempt: 1 }).is_err(), "not two at a time");
        assert!(State::next(Some(acting), &Line::Finished { canary: None }).is_err(), "not while one acts");
    }

    #[test]
    fn nothing_follows_the_end() {
        for end in [State::Finished, State::Aborted] {
            assert!(!end.is_open());
            assert!(State::next(Some(end), &ACTING).is_err());
            assert!(State::next(Some(end), &Line::Stopped { why: String::new() }).is_err());
        }
    }

    #[test]
    fn a_journal_opens_with_its_plan() {
        assert!(State::next(None, &ACTING).is_err());
        assert!(State::next(None, &Line::Aborted { by: String::new() }).is_err());
    }
}
