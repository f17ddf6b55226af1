//! TOUCH. Lets the old primary lead on when the successor was told to lead and could not: its disk is full, say, and a promotion
//! makes a new file of the log.
//!
//! A server that fails at it goes down (`StartupXLOG` runs in the startup process, whose end is the server's). What told it to
//! lead is a file that is gone by then: the startup process takes it away when it heeds it, and a server that starts throws it
//! away (`CheckForStandbyTrigger`, `RemovePromoteSignalFiles`). So one that has started since, and says that it is in recovery,
//! is a standby that nobody has told anything. As long as it is silent it may still lead, and nobody else may.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::decide::leads_on;
use super::follow::Follower;
use super::prepare::{room, undo};
use super::promote::promote;
use super::{LOOK, SETTLED_WITHIN, SwitchoverContext};
use crate::SwitchoverError;
use crate::postgres::lsn::Lsn;

/// Why there was no switchover, once the old primary leads; unknown where it cannot be made to.
pub(super) async fn return_to_primary(
    context: &SwitchoverContext<'_>,
    followers: &[Follower],
    last: Option<Lsn>,
) -> SwitchoverError {
    let begun = Instant::now();
    let mut before = None;
    while begun.elapsed() < SETTLED_WITHIN {
        let (from, to) = context.sides().await;
        // Twice the same: a server that still reads its own log says another position each time.
        let settled = before.replace((from, to)) == Some((from, to));
        if settled && leads_on(from, to, last) {
            if let Err(error) = promote(context, context.from).await {
                return error.told(context, context.from);
            }
            undo(context, followers).await;
            return went_down(context, begun.elapsed()).await;
        }
        sleep(LOOK).await;
    }
    context.unknown(format!("it went down when it was told to lead, and after {SETTLED_WITHIN:?} both do not answer"))
}

async fn went_down(context: &SwitchoverContext<'_>, waited: Duration) -> SwitchoverError {
    let from = context.from;
    let room = room::lacking(context, context.to).await.map(|why| format!("; {why}")).unwrap_or_default();
    let why = format!(
        "it went down when it was told to lead, and its own log says why{room}; {from} had everything, and leads on since \
         {waited:?} later"
    );
    SwitchoverError::Refused { member: context.to.to_owned(), why }
}
