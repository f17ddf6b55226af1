//! TOUCH. Makes the old primary the primary again when the successor's promotion failed, for example on a full disk: a promotion
//! writes a new file of the log.
//!
//! A server whose promotion fails stops (`StartupXLOG` runs in the startup process, and the server ends with it). The order to
//! promote is a file that is gone by then: the startup process removes it when it obeys it, and a server removes it when it starts
//! (`CheckForStandbyTrigger`, `RemovePromoteSignalFiles`). So a server that has restarted since, and says that it is in recovery,
//! is a standby without any order to promote. As long as it is silent it may be the primary, and no other member may become it.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::decide::may_return;
use super::follow::Follower;
use super::prepare::{disk_space, undo};
use super::promote::promote;
use super::{CHECK_EVERY, SETTLED_WITHIN, SwitchoverContext};
use crate::SwitchoverError;
use crate::postgres::connections::{PATIENCE, words};
use crate::postgres::lsn::Lsn;

/// The reason why there was no switchover, once the old primary is the primary again; unknown where it could not be promoted.
pub(super) async fn return_to_primary(
    context: &SwitchoverContext<'_>,
    followers: &[Follower],
    last: Option<Lsn>,
) -> SwitchoverError {
    let begun = Instant::now();
    let mut before = None;
    while begun.elapsed() < SETTLED_WITHIN {
        let states = context.all_states().await;
        let (from, to) = (states.from, states.to);
        // The same answer twice: a server that still reads its own log reports another position each time.
        let settled = before.replace((from, to)) == Some((from, to));
        if may_return(from, to, states.known_of_others(), last, settled) {
            if let Err(error) = promote_old_primary(context).await {
                return error;
            }
            undo(context, followers).await;
            return report_failure(context, begun.elapsed()).await;
        }
        sleep(CHECK_EVERY).await;
    }
    context.unknown(format!("it stopped when it was promoted, and after {SETTLED_WITHIN:?} the two do not both answer"))
}

/// Makes the old primary the primary again, and writes that down in its own settings before. Until it takes writes it says that it is
/// a standby, for as long as it replays its log; a process that finds no primary then must not promote another member.
pub(super) async fn promote_old_primary(context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
    context.clients.confirm_lock().await?;
    let client = context.client(context.from).await?;
    let recorded = timeout(PATIENCE, client.batch_execute(RECORD_RETURN)).await;
    let recorded = recorded.map_err(|_| format!("no answer within {PATIENCE:?}"));
    recorded.and_then(|recorded| recorded.map_err(|error| words(&error))).map_err(|why| {
        context.unknown(format!("{} could not write down that it is to become the primary again: {why}", context.from))
    })?;
    promote(context, context.from).await.map_err(|error| error.into_error(context, context.from))
}

/// Whether the old primary's settings say that it was ordered to become the primary again.
pub(super) async fn is_returning(context: &SwitchoverContext<'_>) -> Result<bool, SwitchoverError> {
    Ok(context.value(context.from, IS_RETURNING).await?.as_deref() == Some("t"))
}

/// A fenced primary names the successor there. It is not reloaded; `undo` removes it once there is a primary.
const RECORD_RETURN: &str = "ALTER SYSTEM SET primary_conninfo = ''";

/// What its files say counts, not what it has loaded. Later files come last.
const IS_RETURNING: &str =
    "SELECT setting = '' FROM pg_file_settings WHERE name = 'primary_conninfo' ORDER BY seqno DESC LIMIT 1";

async fn report_failure(context: &SwitchoverContext<'_>, waited: Duration) -> SwitchoverError {
    let from = context.from;
    let shortage =
        disk_space::find_shortage(context, context.to).await.map(|why| format!("; {why}")).unwrap_or_default();
    let why = format!(
        "it stopped when it was promoted, and its own log says why{shortage}; {from} had everything, and is the primary again \
         after {waited:?}"
    );
    SwitchoverError::Refused { member: context.to.to_owned(), why }
}
