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
use super::{Hands, LOOK, SETTLED_WITHIN};
use crate::HandOverError;
use crate::postgres::lsn::Lsn;

/// Why there was no handover, once the old primary leads; unknown where it cannot be made to.
pub(super) async fn give_back(hands: &Hands<'_>, followers: &[Follower], last: Option<Lsn>) -> HandOverError {
    let begun = Instant::now();
    let mut before = None;
    while begun.elapsed() < SETTLED_WITHIN {
        let (from, to) = hands.sides().await;
        // Twice the same: a server that still reads its own log says another position each time.
        let settled = before.replace((from, to)) == Some((from, to));
        if settled && leads_on(from, to, last) {
            if let Err(error) = promote(hands, hands.from).await {
                return error.told(hands, hands.from);
            }
            undo(hands, followers).await;
            return went_down(hands, begun.elapsed()).await;
        }
        sleep(LOOK).await;
    }
    hands.unknown(format!("it went down when it was told to lead, and after {SETTLED_WITHIN:?} both do not answer"))
}

async fn went_down(hands: &Hands<'_>, waited: Duration) -> HandOverError {
    let from = hands.from;
    let room = room::lacking(hands, hands.to).await.map(|why| format!("; {why}")).unwrap_or_default();
    let why = format!(
        "it went down when it was told to lead, and its own log says why{room}; {from} had everything, and leads on since \
         {waited:?} later"
    );
    HandOverError::Refused { member: hands.to.to_owned(), why }
}
