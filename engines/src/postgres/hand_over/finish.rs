//! TOUCH. Ends a handover that did not go through at once: the successor lacks something, the end was not heard, or
//! whoever began it died. Nobody leads now. Both are asked until it is known who has everything; that one leads.

use std::time::Instant;

use tokio::time::sleep;

use super::decide::{Next, Side, next};
use super::follow::Follower;
use super::prepare::{successor, undo};
use super::{Hands, LOOK, NOT_STOPPING, SETTLED_WITHIN, fence, promote};
use crate::postgres::lsn::Lsn;
use crate::{HandOverError, HandedOver};

pub(super) async fn finish(
    hands: &Hands<'_>,
    started: Instant,
    last: Option<Lsn>,
    told: Vec<Follower>,
) -> Result<HandedOver, HandOverError> {
    let begun = Instant::now();
    let mut before = None;
    let mut leads_since = None;
    while begun.elapsed() < SETTLED_WITHIN {
        let (from, to) = hands.sides().await;
        let now = next(from, to, last);
        // Twice the same, positions and all: a server that still reads its own log says another one each time.
        let settled = before.replace((from, to)) == Some((from, to));
        match now {
            Next::PromoteSuccessor if settled || last.is_some() => {
                let followers = if told.is_empty() { tell(hands).await } else { told };
                return promote::promote_successor(hands, &followers, started, last).await;
            }
            Next::PromoteBack if settled => {
                promote::promote(hands, hands.from).await.map_err(|error| error.told(hands, hands.from))?;
                undo(hands, &told).await;
                return Err(not_moved(hands, started));
            }
            Next::Done => return Ok(HandedOver { took: started.elapsed() }),
            Next::TwoPrimaries => return Err(hands.unknown(format!("{} leads as well", hands.to))),
            Next::Begin => {
                if leads_since.get_or_insert_with(Instant::now).elapsed() > NOT_STOPPING {
                    // Not while the successor is silent: it may lead, and then the fence must stay.
                    if matches!(to, Side::Follows { .. }) {
                        fence::take_away(hands).await;
                        undo(hands, &told).await;
                    }
                    return Err(not_moved(hands, started));
                }
            }
            Next::PromoteSuccessor | Next::PromoteBack | Next::Wait => leads_since = None,
        }
        sleep(LOOK).await;
    }
    Err(hands.unknown(format!("they do not both answer after {SETTLED_WITHIN:?}")))
}

/// Whom the one who began may not have told any more.
async fn tell(hands: &Hands<'_>) -> Vec<Follower> {
    match successor(hands).await {
        Ok(successor) => successor.tell(hands).await,
        Err(_) => Vec::new(),
    }
}

fn not_moved(hands: &Hands<'_>, started: Instant) -> HandOverError {
    HandOverError::NotMoved { from: hands.from.to_owned(), to: hands.to.to_owned(), waited: started.elapsed() }
}
