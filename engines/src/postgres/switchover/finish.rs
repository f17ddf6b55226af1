//! TOUCH. Finishes a switchover that did not succeed at once: the successor lacks a part of the log, the WAL receiver did not
//! receive its end, or the process that began the switchover died. There is no primary now. All members are asked until it is
//! known which of them has everything; that one is promoted.

use std::time::Instant;

use tokio::time::sleep;

use super::decide::{Decision, confirm, decide, may_remove_fence};
use super::follow::Follower;
use super::prepare::{find_successor, undo};
use super::return_to_primary::promote_old_primary;
use super::{CHECK_EVERY, NOT_STOPPING, SETTLED_WITHIN, SwitchoverContext, fence, promote_successor};
use crate::postgres::lsn::Lsn;
use crate::{CompletedSwitchover, SwitchoverError};

pub(super) async fn finish(
    context: &SwitchoverContext<'_>,
    started: Instant,
    last: Option<Lsn>,
    followers: Vec<Follower>,
) -> Result<CompletedSwitchover, SwitchoverError> {
    let begun = Instant::now();
    let mut before = None;
    let mut primary_since = None;
    let mut silent = String::new();
    while begun.elapsed() < SETTLED_WITHIN {
        let states = context.all_states().await;
        let settled = before.replace((states.from, states.to)) == Some((states.from, states.to));
        silent = states.name_silent(context);
        match confirm(decide(states.from, states.to, states.known_of_others(), last), settled, last) {
            Decision::PromoteSuccessor => {
                let followers = if followers.is_empty() { point_at_successor(context).await } else { followers };
                return promote_successor::promote_successor(context, &followers, started, last).await;
            }
            Decision::PromoteOldPrimary => {
                promote_old_primary(context).await?;
                undo(context, &followers).await;
                return Err(not_moved(context, started));
            }
            Decision::Done => return Ok(CompletedSwitchover { took: started.elapsed() }),
            Decision::TwoPrimaries => return Err(context.unknown(states.name_primaries(context))),
            Decision::Begin => {
                if primary_since.get_or_insert_with(Instant::now).elapsed() > NOT_STOPPING {
                    if may_remove_fence(states.to) {
                        fence::remove_fence(context).await;
                        undo(context, &followers).await;
                    }
                    return Err(not_moved(context, started));
                }
            }
            Decision::Wait => primary_since = None,
        }
        sleep(CHECK_EVERY).await;
    }
    let why = match silent.as_str() {
        "" => "they do not agree on which of them has everything".to_owned(),
        silent => format!("no answer from {silent}, which may be the primary or have more of the log"),
    };
    Err(context.unknown(format!("{why}, after {SETTLED_WITHIN:?}")))
}

/// Points the other standbys at the successor, in case the process that began the switchover died before it did.
async fn point_at_successor(context: &SwitchoverContext<'_>) -> Vec<Follower> {
    match find_successor(context).await {
        Ok(successor) => successor.point_standbys_here(context).await,
        Err(_) => Vec::new(),
    }
}

fn not_moved(context: &SwitchoverContext<'_>, started: Instant) -> SwitchoverError {
    SwitchoverError::NotMoved { from: context.from.to_owned(), to: context.to.to_owned(), waited: started.elapsed() }
}
