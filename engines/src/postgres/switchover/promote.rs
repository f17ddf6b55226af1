//! TOUCH. Lets a standby lead, once it is known to have everything.

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

/// How long one answer may take meanwhile, before the question is asked over another connection: one that hangs would have all the
/// time there is.
const ANSWERED_WITHIN: Duration = Duration::from_millis(500);

/// Between two calls to wake up. Each is a line in the server's log, and at worst so much longer a pause.
const WAKE: Duration = Duration::from_millis(25);

/// How long a standby may take to replay what it has and to begin to write.
const PROMOTED_WITHIN: Duration = Duration::from_secs(30);

/// The hard gate: whether the successor has the whole log on its disk, up to `last`.
pub(super) async fn has_received(context: &SwitchoverContext<'_>, last: Lsn) -> bool {
    let question = format!("SELECT pg_last_wal_receive_lsn() >= '{last}'::pg_lsn");
    let begun = Instant::now();
    while begun.elapsed() < RECEIVED_WITHIN {
        match context.word_within(context.to, &question, ANSWERED_WITHIN).await {
            Ok(Some(word)) if word == "t" => return true,
            _ => sleep(POLL).await,
        }
    }
    false
}

/// Why a member does not lead although it was told to.
pub(super) enum NotPromoted {
    /// It went down and is a standby again: what it was told is forgotten.
    WentDown,
    /// It may lead, or come to.
    Unknown(SwitchoverError),
}

impl NotPromoted {
    /// In words, where there is nobody else to lead.
    pub(super) fn told(self, context: &SwitchoverContext<'_>, member: &str) -> SwitchoverError {
        match self {
            Self::WentDown => {
                context.unknown(format!("{member} went down when it was told to lead; its own log says why"))
            }
            Self::Unknown(error) => error,
        }
    }
}

/// Promotes a member and waits until it takes writes. It is asked again and again instead of having it wait itself
/// (`pg_promote(true)`): that looks every 100 ms only (`pg_promote` in `xlogfuncs.c`), and writes wait.
///
/// And it is woken. A standby that has just lost its primary sleeps before it tries again, for `wal_retrieve_retry_interval`
/// (5 s unless set); the order to lead ends that sleep if it comes during it, and not if it comes the moment before
/// (`WaitForWALToBecomeAvailable` in `xlogrecovery.c`). Reading its settings anew always does.
pub(super) async fn promote(context: &SwitchoverContext<'_>, member: &str) -> Result<(), NotPromoted> {
    let told = match context.rows(member, TELL).await {
        Ok(told) => told,
        // It may have heard and its answer was lost: then it leads, or is told once more.
        Err(_) if context.rows(member, WRITES).await.is_ok() => return Ok(()),
        Err(_) => {
            let told = context.rows(member, TELL).await;
            told.map_err(|error| NotPromoted::Unknown(context.unknown(error.to_string())))?
        }
    };
    let wake = wake(told.first().and_then(|row| text(row, "started")).unwrap_or_default());
    let begun = Instant::now();
    let mut woken = begun;
    while begun.elapsed() < PROMOTED_WITHIN {
        if context.rows(member, WRITES).await.is_ok() {
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

/// The order to lead, and since when the server runs that is given it.
const TELL: &str = "SELECT extract(epoch FROM pg_postmaster_start_time())::text AS started, pg_promote(false)";

/// Writes nothing, and a server in recovery refuses it.
const WRITES: &str = "SELECT pg_current_xact_id()";

/// Wakes a server, and asks whether it is a standby that has started since.
fn wake(started: &str) -> String {
    format!(
        "SELECT pg_is_in_recovery() AND extract(epoch FROM pg_postmaster_start_time())::text <>{} AS standby_anew, \
         pg_reload_conf()",
        literal(started)
    )
}
