//! One life of an operation, the same for every verb of the plugin and for the guard's own switchovers:
//!
//! ```text
//!  refuse_beside_another ─> plan ─> start: agree ─> still fits ─┐
//!  take_over ─────────────> plan_rest ─> go_on: agree ──────────┴─> run: begin ─> execute ─> conclude ─> Ending
//! ```
//!
//! A verb says only what is wanted (the goal), within which limits, and in which words that is reported. The caller, who is
//! asked and informed, is a port ([`Caller`]); the database, the cluster and the clock are another ([`OperationWorld`]).

mod caller;
mod canary;
mod ending;
mod error;
mod leftover;
mod most_telling;
mod pace;
mod planning;
mod ports;

use std::time::Duration;

use stateful_safety::Policy;

pub use caller::Caller;
pub use canary::RunningCanary;
pub use ending::{Conclusion, Ending};
pub use error::{NotSafe, SessionError};
pub use leftover::Leftover;
pub use most_telling::most_telling;
pub use planning::Planned;
pub use ports::OperationWorld;

use crate::journal::Entry;
use crate::rollback::may_be_rolled_back;
use crate::{Goal, Origin, Outcome, Plan, Snapshot, TimeLimits, WorldError, execute};

/// How long a session waits before it gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For reasons against a new operation that pass by themselves: gossip after a switchover, a readiness probe that has
    /// just failed. Zero makes one attempt.
    pub new_plan: Duration,
    /// For members that are still coming back when an operation is resumed.
    pub rest: Duration,
    /// For the operation lock of a process that may have died; such a lock expires by itself.
    pub lock: Duration,
}

/// What becomes of an operation that stopped before its goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenStopped {
    /// It stays unfinished in the journal; `resume`, `rollback` or `abort` goes on with it.
    Keep,
    /// It is ended in the journal, unless a switchover was interrupted and the group has no primary: that one must still be
    /// finished. For the guard, which plans again at its next attempt.
    EndUnlessInterrupted,
}

/// One operation on one workload, from the first question to its end.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    /// The workload, its journal and its operation lock.
    pub world: &'a dyn OperationWorld,
    /// The person or the program that is asked and informed.
    pub caller: &'a dyn Caller,
    /// The user and host, for the journal and the operation lock.
    pub who: &'a str,
    /// The judge's limits.
    pub policy: &'a Policy,
    /// How long the operation and its steps may take.
    pub limits: TimeLimits,
    /// How long to wait before it begins.
    pub patience: Patience,
    /// What becomes of it when it stops.
    pub when_stopped: WhenStopped,
    /// Whether a canary writes all along and proves at the end that no write was lost.
    pub canary: bool,
}

impl Session<'_> {
    /// LOOK. Refuses where another operation on the workload is unfinished.
    ///
    /// # Errors
    /// [`SessionError::Held`] and [`SessionError::Unfinished`]; or the journal cannot be read.
    pub async fn refuse_beside_another(&self) -> Result<(), SessionError> {
        let history = self.world.history().await?;
        let holder = self.world.holder().await?;
        let unfinished = history.into_iter().find(|entry| entry.state.is_open());
        match (unfinished, holder) {
            (Some(_), Some(holder)) => Err(SessionError::Held(holder)),
            (Some(entry), None) => Err(SessionError::Unfinished(Box::new(entry))),
            (None, Some(holder)) => {
                self.caller.note(&format!(
                    "{} holds the operation lock; waiting for it to expire, in case that process has died",
                    holder.identity
                ));
                Ok(())
            }
            (None, None) => Ok(()),
        }
    }

    /// LOOK. The operation that is unfinished, if one is.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn unfinished(&self) -> Result<Option<Entry>, SessionError> {
        Ok(self.world.history().await?.into_iter().rev().find(|entry| entry.state.is_open()))
    }

    /// TOUCH. Starts a new operation and carries it to its end: asks the caller, makes sure that the plan still fits (the
    /// caller may have thought about it for a while), then runs it.
    ///
    /// # Errors
    /// [`SessionError::Declined`], [`SessionError::Outdated`], and those of [`Session::run`].
    pub async fn start(&self, verb: &str, plan: Plan) -> Result<Ending, SessionError> {
        if !self.caller.agrees(&plan) {
            return Err(SessionError::Declined);
        }
        plan.still_fits(&self.world.observe().await?)?;
        self.run(verb, plan, None).await
    }

    /// TOUCH. Plans what is left towards a goal, asks the caller, and carries it to its end. Where that comes to nothing the
    /// operation lock is released.
    ///
    /// # Errors
    /// Those of [`Session::plan_rest`] and [`Session::run`], and [`SessionError::Declined`].
    pub async fn go_on(
        &self,
        verb: &str,
        goal: &Goal,
        origin: &Origin,
        resumed: Option<&Entry>,
    ) -> Result<Ending, SessionError> {
        let agreed = self
            .plan_rest(goal, origin, resumed)
            .await
            .and_then(|plan| if self.caller.agrees(&plan) { Ok(plan) } else { Err(SessionError::Declined) });
        match agreed {
            Ok(plan) => self.run(verb, plan, resumed).await,
            Err(error) => {
                self.world.release().await?;
                Err(error)
            }
        }
    }

    /// TOUCH. Takes the operation lock ahead of [`Session::run`], and tells the guard that the members on a node are about
    /// to leave it.
    ///
    /// # Errors
    /// [`SessionError::CannotBegin`].
    pub async fn reserve(&self, verb: &str, node: &str) -> Result<(), SessionError> {
        let reserved = self.world.reserve(verb, self.who, node, self.patience.lock).await;
        reserved.map_err(SessionError::CannotBegin)
    }

    /// TOUCH. Opens the journal (or goes on with that of `resumed`), carries the plan out, concludes it. How it ended, well
    /// or not, is the [`Ending`]; an error means that it never began.
    ///
    /// # Errors
    /// [`SessionError::CannotBegin`]; or the new plan could not be recorded.
    pub async fn run(&self, verb: &str, plan: Plan, resumed: Option<&Entry>) -> Result<Ending, SessionError> {
        let world = self.world;
        let began = world.now();
        let id = match resumed {
            None => {
                let begun = world.begin(verb, self.who, &plan, self.patience.lock).await;
                begun.map_err(SessionError::CannotBegin)?
            }
            Some(entry) => {
                world.record_rest(self.who, &plan).await?;
                entry.id.clone()
            }
        };
        world.report_to(self.caller.listener());
        let canary = if self.canary { world.start_canary() } else { None };
        let outcome = execute(world, plan.clone(), self.policy, self.limits, self.who).await;
        let snapshot = world.observe().await.ok();
        let mut notes = Vec::new();
        let ledger = match canary {
            Some(canary) => canary.end().await.map_err(|why| notes.push(format!("warning: {why}"))).ok(),
            None => None,
        };
        world.report_to(None);
        notes.extend(match &outcome {
            Outcome::Finished => world.remove_unused().await,
            Outcome::Stopped(_) => world.undo_preparations().await,
        });
        let closed = match &outcome {
            Outcome::Finished => world.finish(ledger.clone()).await,
            Outcome::Stopped(_) => self.close_stopped(&id, snapshot.as_ref()).await,
        };
        if let Err(error) = closed {
            notes.push(format!("warning: the end could not be recorded: {error}"));
        }
        let ending = Ending {
            id,
            verb: verb.to_owned(),
            may_be_rolled_back: may_be_rolled_back(&plan, snapshot.as_ref()),
            conclusion: Conclusion::of(outcome, ledger.as_ref()),
            plan,
            canary: ledger,
            snapshot,
            began,
            took: world.now() - began,
            notes,
        };
        self.caller.concluded(&ending).await;
        Ok(ending)
    }

    async fn close_stopped(&self, id: &str, snapshot: Option<&Snapshot>) -> Result<(), WorldError> {
        if self.when_stopped == WhenStopped::Keep {
            return self.world.release().await;
        }
        // What cannot be read may be an interrupted switchover.
        let history = self.world.history().await.unwrap_or_default();
        match (history.iter().find(|entry| entry.id == id), snapshot) {
            (Some(entry), Some(snapshot)) if crate::find_interrupted(entry, snapshot).is_none() => {
                self.world.abort(self.who).await
            }
            _ => self.world.release().await,
        }
    }
}
