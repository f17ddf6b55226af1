//! How an operation ended, as types: exit codes and sentences are made from it, never read back from them.

use stateful_engines::Ledger;
use stateful_safety::Millis;

use crate::{Outcome, Plan, Snapshot, Stop};

/// The end of an operation that had begun.
#[derive(Debug)]
pub struct Ending {
    /// The operation's identifier in the journal.
    pub id: String,
    /// The verb it was carried out for.
    pub verb: String,
    /// The plan it began with.
    pub plan: Plan,
    /// How it ended.
    pub conclusion: Conclusion,
    /// What the canary saw, if one was asked for and could tell.
    pub canary: Option<Ledger>,
    /// The workload at the end, if it could be observed.
    pub snapshot: Option<Snapshot>,
    /// When it began.
    pub began: Millis,
    /// How long it took, in milliseconds.
    pub took: Millis,
    /// Whether `rollback` has something to go back to.
    pub may_be_rolled_back: bool,
    /// What went wrong beside it and stopped nothing.
    pub notes: Vec<String>,
}

/// How an operation ended.
#[derive(Debug)]
pub enum Conclusion {
    /// The goal is reached.
    Done,
    /// The goal is reached, but the canary misses writes that were acknowledged.
    WritesLost(u64),
    /// It stopped where it is safe.
    Stopped(Stop),
}

impl Conclusion {
    pub(super) fn of(outcome: Outcome, canary: Option<&Ledger>) -> Self {
        match (outcome, canary) {
            (Outcome::Stopped(stop), _) => Self::Stopped(stop),
            (Outcome::Finished, Some(Ledger { lost, .. })) if *lost > 0 => Self::WritesLost(*lost),
            (Outcome::Finished, _) => Self::Done,
        }
    }

    /// Whether the goal is reached and no write is missing.
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Why it is not done, in one sentence.
    pub fn why(&self) -> Option<String> {
        match self {
            Self::Done => None,
            Self::WritesLost(lost) => Some(format!("the canary lost {lost} acknowledged writes")),
            Self::Stopped(stop) => Some(stop.to_string()),
        }
    }
}
