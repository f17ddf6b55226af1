//! TOUCH. Ends a switchover that did not go through at once: the successor lacks something, the end was not heard, or
//! whoever began it died. Nobody leads now. Both are asked until it is known who has everything; that one leads.

use std::time::Instant;

use tokio::time::sleep;

use super::decide::{Next, Side, next};
use super::follow::Follower;
use super::prepare::{successor, undo};
use super::{LOOK, NOT_STOPPING, SETTLED_WITHIN, SwitchoverContext, fence, promote, promote_successor};
use crate::postgres::lsn::Lsn;
use crate::{CompletedSwitchover, SwitchoverError};

pub(super) async fn finish(
    context: &SwitchoverContext<'_>,
    started: Instant,
    last: Option<Lsn>,
    told: Vec<Follower>,
) -> Result<CompletedSwitchover, SwitchoverError> {
    let begun = Instant::now();
    let mut before = None;
    let mut leads_since = None;
    while begun.elapsed() < SETTLED_WITHIN {
        let (from, to) = context.sides().await;
        let now = next(from, to, last);
        // Twice the same, positions and all: a server that still reads its own log says another one each time.
        let settled = before.replace((from, to)) == Some((from, to));
        match now {
            Next::PromoteSuccessor if settled || last.is_some() => {
                let followers = if told.is_empty() { tell(context).await } else { told };
                return promote_successor::promote_successor(context, &followers, started, last).await;
            }
            Next::PromoteBack if settled => {
                promote::promote(context, context.from).await.map_err(|error| error.told(context, context.from))?;
                undo(context, &told).await;
                return Err(not_moved(context, started));
            }
            Next::Done => return Ok(CompletedSwitchover { took: started.elapsed() }),
            Next::TwoPrimaries => return Err(context.unknown(format!("{} leads as well", context.to))),
            Next::Begin => {
                if leads_since.get_or_insert_with(Instant::now).elapsed() > NOT_STOPPING {
                    // Not while the successor is silent: it may lead, and then the fence must stay.
                    if matches!(to, Side::Follows { .. }) {
                        fence::take_away(context).await;
                        undo(context, &told).await;
                    }
                    return Err(not_moved(context, started));
                }
            }
            Next::PromoteSuccessor | Next::PromoteBack | Next::Wait => leads_since = None,
        }
        sleep(LOOK).await;
    }
    Err(context.unknown(format!("they do not both answer after {SETTLED_WITHIN:?}")))
}

/// Whom the one who began may not have told any more.
async fn tell(context: &SwitchoverContext<'_>) -> Vec<Follower> {
    match successor(context).await {
        Ok(successor) => successor.tell(context).await,
        Err(_) => Vec::new(),
    }
}

fn not_moved(context: &SwitchoverContext<'_>, started: Instant) -> SwitchoverError {
    SwitchoverError::NotMoved { from: context.from.to_owned(), to: context.to.to_owned(), waited: started.elapsed() }
}
