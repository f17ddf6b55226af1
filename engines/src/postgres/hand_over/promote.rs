//! TOUCH. Lets a standby lead, once it is known to have everything.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::follow::{Follower, follow};
use super::{Hands, POLL};
use crate::postgres::links::PATIENCE;
use crate::postgres::lsn::Lsn;
use crate::{HandOverError, HandedOver};

/// How long the successor may take to receive the end of the log. It was close behind a moment ago, so it is there within
/// milliseconds or hangs; meanwhile writes wait.
const RECEIVED_WITHIN: Duration = Duration::from_secs(2);

/// Between two calls to wake up. Each is a line in the server's log, and at worst so much longer a pause.
const WAKE: Duration = Duration::from_millis(25);

/// How long a standby may take to replay what it has and to begin to write.
const PROMOTED_WITHIN: Duration = Duration::from_secs(30);

/// The hard gate: whether the successor has the whole log on its disk, up to `last`.
pub(super) async fn has_received(hands: &Hands<'_>, last: Lsn) -> bool {
    let question = format!("SELECT pg_last_wal_receive_lsn() >= '{last}'::pg_lsn");
    let begun = Instant::now();
    while begun.elapsed() < RECEIVED_WITHIN {
        match timeout(PATIENCE, hands.word(hands.to, &question)).await {
            Ok(Ok(Some(word))) if word == "t" => return true,
            _ => sleep(POLL).await,
        }
    }
    false
}

/// Lets the successor lead, and the others follow it. `started` is when the old primary was fenced.
pub(super) async fn promote_successor(
    hands: &Hands<'_>,
    followers: &[Follower],
    started: Instant,
) -> Result<HandedOver, HandOverError> {
    // At the same time: where commits wait for standbys, writes flow when those have found the new primary, not before. And
    // clients when they have; earlier, all of them would ask a server again and again that is busy becoming the primary.
    let promoted = async { promote(hands, hands.to).await.map(|()| started.elapsed()) };
    let (took, (), ()) = futures::join!(promoted, follow(hands, followers), hands.gate.turn());
    let took = took?;
    // One that has tried while the new primary was busy becoming it waits before it tries again.
    follow(hands, followers).await;
    Ok(HandedOver { took })
}

/// Promotes a member and waits until it takes writes. It is asked again and again instead of having it wait itself
/// (`pg_promote(true)`): that looks every 100 ms only (`pg_promote` in `xlogfuncs.c`), and writes wait.
///
/// And it is woken. A standby that has just lost its primary sleeps before it tries again, for `wal_retrieve_retry_interval`
/// (5 s unless set); the order to lead ends that sleep if it comes during it, and not if it comes the moment before
/// (`WaitForWALToBecomeAvailable` in `xlogrecovery.c`). Reading its settings anew always does.
pub(super) async fn promote(hands: &Hands<'_>, member: &str) -> Result<(), HandOverError> {
    hands.rows(member, "SELECT pg_promote(false)").await.map_err(|error| hands.unknown(error.to_string()))?;
    let begun = Instant::now();
    let mut woken = begun;
    while begun.elapsed() < PROMOTED_WITHIN {
        // Writes nothing, and a server in recovery refuses it.
        let writes = timeout(PATIENCE, hands.rows(member, "SELECT pg_current_xact_id()")).await;
        if matches!(writes, Ok(Ok(_))) {
            return Ok(());
        }
        if woken.elapsed() >= WAKE {
            let _ = timeout(PATIENCE, hands.rows(member, "SELECT pg_reload_conf()")).await;
            woken = Instant::now();
        }
        sleep(POLL).await;
    }
    Err(hands.unknown(format!("{member} was promoted and takes no writes after {PROMOTED_WITHIN:?}")))
}
