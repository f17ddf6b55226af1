//! Operations that a process left unfinished: taken over, completed or ended.

use stateful_cluster::locks::LeaseFacts;

use super::planning::refused;
use super::{Conclusion, Session, SessionError};
use crate::journal::Entry;
use crate::{find_interrupted, plan_remaining};

/// What the journal says was left unfinished.
#[derive(Debug)]
pub enum Leftover {
    /// Nothing.
    Nothing,
    /// An operation of this kind, which is ended now: its identifier.
    Ended(String),
    /// An operation of another kind, which its owner will resume.
    Others(Box<Entry>),
}

impl Session<'_> {
    /// TOUCH. Waits for the operation lock of an operation that was left unfinished, takes it, and reverts what members were told
    /// ahead of a restart that did not come. `seen` is what the caller has observed of the lock.
    ///
    /// # Errors
    /// [`SessionError::CannotBegin`] where its holder is alive or the operation has ended meanwhile.
    pub async fn take_over(&self, entry: &Entry, seen: Option<&LeaseFacts>) -> Result<(), SessionError> {
        if let Some(holder) = self.world.holder().await? {
            self.caller.note(&format!(
                "waiting for the operation lock of {} to expire, in case that process has died",
                holder.identity
            ));
        }
        self.take_lock(entry, seen).await?;
        for note in self.world.undo_preparations().await {
            self.caller.note(&note);
        }
        Ok(())
    }

    async fn take_lock(&self, entry: &Entry, seen: Option<&LeaseFacts>) -> Result<(), SessionError> {
        let taken = self.world.take_over(entry, self.who, self.patience.lock, seen).await;
        taken.map_err(SessionError::CannotBegin)
    }

    /// TOUCH. Ends the unfinished operation that a process with this verb left behind, if there is one. A switchover that
    /// was interrupted while its group had no primary is finished first, or reverted: clients wait meanwhile. Everything
    /// else is ended where it is, since the caller plans anew.
    ///
    /// # Errors
    /// Those of [`Session::take_over`] and [`Session::run`]; [`SessionError::NotSafe`] where the switchover cannot be
    /// finished yet.
    pub async fn end_leftover(&self, verb: &str, seen: Option<&LeaseFacts>) -> Result<Leftover, SessionError> {
        let Some(entry) = self.world.history().await?.into_iter().find(|entry| entry.state.is_open()) else {
            return Ok(Leftover::Nothing);
        };
        if entry.verb != verb {
            return Ok(Leftover::Others(Box::new(entry)));
        }
        self.take_lock(&entry, seen).await?;
        let snapshot = self.world.observe().await?;
        if find_interrupted(&entry, &snapshot).is_none() {
            for note in self.world.undo_preparations().await {
                self.caller.note(&note);
            }
            self.world.abort(self.who).await?;
            return Ok(Leftover::Ended(entry.id));
        }
        let goal = &entry.current.goal;
        let plan = match plan_remaining(&entry, goal, &snapshot, self.policy) {
            Ok(plan) => plan,
            Err(refusal) => {
                self.world.release().await?;
                return Err(refused(refusal, snapshot, goal));
            }
        };
        let ending = self.run(verb, plan, Some(&entry)).await?;
        match ending.conclusion {
            Conclusion::Done | Conclusion::WritesLost(_) => Ok(Leftover::Ended(entry.id)),
            Conclusion::Stopped(stop) => Err(SessionError::Stopped(stop)),
        }
    }
}
