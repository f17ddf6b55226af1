//! How a session waits until a plan can be made.

use std::time::Duration;

use stateful_engines::BoxFuture;
use stateful_safety::{Millis, Reason};

use super::{Session, SessionError, most_telling};
use crate::Snapshot;
use crate::planning::retry::Pace;

/// Between two observations while a plan cannot be made yet.
const POLL: Duration = Duration::from_millis(300);

/// How a session waits for a plan: up to its patience, noting why.
pub(super) struct SessionPace<'a> {
    pub(super) session: &'a Session<'a>,
    pub(super) patience: Duration,
    /// The note about a reason.
    pub(super) describe: &'a (dyn Fn(&Reason) -> String + Sync),
    /// Whether only the first reason is noted, not each new one.
    pub(super) first_only: bool,
    pub(super) began: Millis,
    pub(super) noted: String,
}

impl Pace for SessionPace<'_> {
    type Error = SessionError;

    fn observe(&mut self) -> BoxFuture<'_, Result<Option<Snapshot>, SessionError>> {
        Box::pin(async { Ok(Some(self.session.world.observe().await?)) })
    }

    fn wait<'w>(&'w mut self, reasons: &'w [Reason]) -> BoxFuture<'w, Result<bool, SessionError>> {
        Box::pin(async move {
            let world = self.session.world;
            let waited = Duration::from_millis(u64::try_from(world.now() - self.began).unwrap_or(0));
            if waited >= self.patience {
                return Ok(false);
            }
            let text = most_telling(reasons).map(|reason| (self.describe)(reason)).unwrap_or_default();
            if self.noted != text && (self.noted.is_empty() || !self.first_only) {
                self.session.caller.note(&text);
                self.noted = text;
            }
            if world.pause(POLL).await { Err(SessionError::Interrupted) } else { Ok(true) }
        })
    }
}
