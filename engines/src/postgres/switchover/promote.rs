//! TOUCH. Promotes a standby that is known to have everything.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{POLL, SwitchoverContext};
use crate::SwitchoverError;
use crate::postgres::answers::text;
use crate::postgres::connections::literal;
use crate::postgres::lsn::Lsn;

/// How long the successor may take to receive the end of the log. It was close behind a moment ago, so it is there within
/// milliseconds or hangs; meanwhile writes wait.
const RECEIVED_WITHIN: Duration = Duration::from_secs(2);

/// How long one answer may take meanwhile, before the question is asked over another connection: a connection that hangs would
/// use up all the time there is.
const ANSWERED_WITHIN: Duration = Duration::from_millis(500);

/// Between two orders that wake the server up. Each writes a line to the server's log; at worst the pause is longer by this time.
const WAKE: Duration = Duration::from_millis(25);

/// How long a standby may take to replay what it has and to begin to write.
const PROMOTED_WITHIN: Duration = Duration::from_secs(30);

/// The condition for a promotion: whether the successor has the whole log on its disk, up to `last`.
pub(super) async fn has_received(context: &SwitchoverContext<'_>, last: Lsn) -> bool {
    let question = format!("SELECT pg_last_wal_receive_lsn() >= '{last}'::pg_lsn");
    let begun = Instant::now();
    while begun.elapsed() < RECEIVED_WITHIN {
        match context.value_within(context.to, &question, ANSWERED_WITHIN).await {
            Ok(Some(word)) if word == "t" => return true,
            _ => sleep(POLL).await,
        }
    }
    false
}

/// Why a member is not the primary although it was promoted.
pub(super) enum NotPromoted {
    /// It stopped and is a standby again; the order to promote is gone.
    WentDown,
    /// It may be the primary, or may still become it.
    Unknown(SwitchoverError),
}

impl NotPromoted {
    /// The error to report where no other member can be promoted instead.
    pub(super) fn into_error(self, context: &SwitchoverContext<'_>, member: &str) -> SwitchoverError {
        match self {
            Self::WentDown => context.unknown(format!("{member} stopped when it was promoted; its own log says why")),
            Self::Unknown(error) => error,
        }
    }
}

/// Promotes a member and waits until it takes writes. This function asks the server repeatedly instead of letting it wait itself
/// (`pg_promote(true)`), which checks every 100 ms only (`pg_promote` in `xlogfuncs.c`) while clients' writes wait.
///
/// It also wakes the server. A standby that has just lost its primary sleeps before it retries, for `wal_retrieve_retry_interval`
/// (5 s by default); the order to promote ends that sleep if it arrives during the sleep, and not if it arrives just before
/// (`WaitForWALToBecomeAvailable` in `xlogrecovery.c`). Reloading its settings always ends it.
pub(super) async fn promote(context: &SwitchoverContext<'_>, member: &str) -> Result<(), NotPromoted> {
    // Another process that has taken the operation over may have promoted the other member.
    context.clients.confirm_lock().await.map_err(NotPromoted::Unknown)?;
    let promoted = match context.rows(member, PROMOTE).await {
        Ok(promoted) => promoted,
        // It may have got the order and only its answer was lost: if it does not take writes now, the order is repeated.
        Err(_) if context.rows(member, IS_WRITABLE).await.is_ok() => return Ok(()),
        Err(_) => {
            let promoted = context.rows(member, PROMOTE).await;
            promoted.map_err(|error| NotPromoted::Unknown(context.unknown(error.to_string())))?
        }
    };
    let wake = wake(promoted.first().and_then(|row| text(row, "started")).unwrap_or_default());
    let begun = Instant::now();
    let mut woken = begun;
    while begun.elapsed() < PROMOTED_WITHIN {
        if context.rows(member, IS_WRITABLE).await.is_ok() {
            return Ok(());
        }
        if woken.elapsed() >= WAKE {
            if let Ok(rows) = context.rows(member, &wake).await
                && rows.first().and_then(|row| text(row, "standby_anew")) == Some("t")
            {
                return Err(NotPromoted::WentDown);
            }
            woken = Instant::now();
        }
        sleep(POLL).await;
    }
    let late = format!("{member} was promoted and takes no writes after {PROMOTED_WITHIN:?}");
    Err(NotPromoted::Unknown(context.unknown(late)))
}

/// The order to promote; it also returns since when the server has been running.
const PROMOTE: &str = "SELECT extract(epoch FROM pg_postmaster_start_time())::text AS started, pg_promote(false)";

/// Writes nothing, and a server in recovery refuses it.
const IS_WRITABLE: &str = "SELECT pg_current_xact_id()";

/// Wakes a server, and asks whether it has restarted since then as a standby.
fn wake(started: &str) -> String {
    format!(
        "SELECT pg_is_in_recovery() AND extract(epoch FROM pg_postmaster_start_time())::text <>{} AS standby_anew, \
         pg_reload_conf()",
        literal(started)
    )
}
