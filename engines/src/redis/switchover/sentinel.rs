//! Under Sentinels: they have to do the failover, or they would revert it; but `SENTINEL FAILOVER` by itself loses what the
//! replica has not received yet (redis #6062, #13118). So writes are paused first, the replica is proven to have every
//! byte, and only then the Sentinels are asked to fail over.
//!
//! Order: one Sentinel is given a short failover timeout and the successor the best priority → `CLIENT PAUSE … WRITE` → offsets
//! equal → `SENTINEL FAILOVER` → the successor is the primary → the old primary follows it → only then the pause ends. If it
//! ended any earlier, the old primary would carry out the paused writes and no replica would receive them. If this process dies
//! while writes are paused, the server resumes them within [`PAUSE_TIMEOUT`].

mod coordinator;

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::cmd;
use tokio::time::sleep;

use super::{POLL, SwitchoverContext};
use crate::{CompletedSwitchover, Endpoint, SwitchoverError};
use coordinator::Coordinator;

/// How long the server pauses writes unless this process renews the pause, in milliseconds: it limits how long clients wait if
/// this process dies.
const PAUSE_TIMEOUT: u64 = 5_000;

/// The pause is renewed this often while the Sentinels work.
const RENEW_EVERY: Duration = Duration::from_millis(1_500);

/// The replica has this long to receive what is left once writes are paused: it was in sync a moment ago.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(2);

/// The Sentinel gives up after [`coordinator::FAILOVER_TIMEOUT`]; past that the failover has either happened or will not.
const SETTLED_AFTER: Duration = Duration::from_secs(15);

pub(super) async fn switch_over(
    context: &SwitchoverContext<'_>,
    sentinels: &[Endpoint],
) -> Result<CompletedSwitchover, SwitchoverError> {
    let mut coordinator = Coordinator::find(context, sentinels).await?;
    let prepared = coordinator.prepare(context).await;
    let switched = match prepared {
        Ok(()) => switch_over_paused(context, &mut coordinator).await,
        Err(error) => Err(error),
    };
    // However it ended, the priority and the failover timeout are set back to the user's own values.
    let restored = coordinator.restore(context).await;
    let switched = switched?;
    restored?;
    Ok(switched)
}

/// The part during which writes are paused: pause them, wait for the replica, ask for the failover, wait for it, fence the old
/// primary, resume writes.
async fn switch_over_paused(
    context: &SwitchoverContext<'_>,
    coordinator: &mut Coordinator,
) -> Result<CompletedSwitchover, SwitchoverError> {
    let mut primary = context.connection(context.from).await?;
    let started = Instant::now();
    context.order(&mut primary, context.from, &pause_writes()).await?;
    let begun = match caught_up(context, &mut primary).await {
        Ok(()) => coordinator.fail_over(context).await,
        Err(error) => Err(error),
    };
    match begun {
        Ok(()) | Err(SwitchoverError::Unknown { .. }) => {} // it may have begun: the pause stays until that is known
        Err(error) => {
            resume_writes(context).await?; // nothing has begun: writes go on where they were
            return Err(error);
        }
    }
    let mut renewed = Instant::now();
    while started.elapsed() < SETTLED_AFTER {
        if context.leads(context.to).await {
            return fence(context, started).await;
        }
        if renewed.elapsed() > RENEW_EVERY {
            context.order(&mut context.connection(context.from).await?, context.from, &pause_writes()).await?;
            renewed = Instant::now();
        }
        sleep(POLL).await;
    }
    Err(context.overdue(SETTLED_AFTER).await)
}

/// The successor is the primary. The old primary is made to follow it, as the Sentinels are about to do as well, while its writers
/// are still paused. After that it answers them READONLY, and they look for the new primary.
async fn fence(context: &SwitchoverContext<'_>, started: Instant) -> Result<CompletedSwitchover, SwitchoverError> {
    let (host, port) = address(context).await?;
    let follow = cmd("REPLICAOF").arg(host).arg(port).take();
    while started.elapsed() < SETTLED_AFTER {
        if context.follows(context.from).await {
            let took = started.elapsed();
            resume_writes(context).await?;
            return Ok(CompletedSwitchover { took });
        }
        let mut old = context.connection(context.from).await?;
        context.order(&mut old, context.from, &pause_writes()).await?;
        context.order(&mut old, context.from, &follow).await?;
    }
    Err(context.unknown(format!("{} leads, but {} does not follow it", context.to, context.from)))
}

/// The address under which the successor announces itself to others.
async fn address(context: &SwitchoverContext<'_>) -> Result<(String, u16), SwitchoverError> {
    let mut old = context.connection(context.from).await?;
    let known = context.info(&mut old, context.from).await?;
    if let Ok(known) = context.successor_address_on_primary(&known) {
        return Ok(known);
    }
    // It has stopped being a replica and has left the old primary's list; its pod's address is used instead.
    let endpoint = context.endpoints.iter().find(|endpoint| endpoint.member == context.to);
    let host = endpoint
        .and_then(|endpoint| endpoint.address.clone())
        .ok_or_else(|| context.unknown("it has no address".to_owned()))?;
    let mut successor = context.connection(context.to).await?;
    let port =
        context.info(&mut successor, context.to).await?.number("tcp_port").and_then(|port| u16::try_from(port).ok());
    Ok((host, port.unwrap_or(6_379)))
}

async fn caught_up(
    context: &SwitchoverContext<'_>,
    primary: &mut MultiplexedConnection,
) -> Result<(), SwitchoverError> {
    let mut successor = context.connection(context.to).await?;
    let started = Instant::now();
    while started.elapsed() < CATCH_UP_WITHIN {
        // The successor is asked second, so it has received at least what the primary had sent when it was asked.
        let sent = context.info(primary, context.from).await?.number("master_repl_offset");
        let received = context.info(&mut successor, context.to).await?.number("slave_repl_offset");
        if sent.is_some() && received >= sent {
            return Ok(());
        }
        sleep(POLL).await;
    }
    Err(SwitchoverError::NotMoved { from: context.from.to_owned(), to: context.to.to_owned(), waited: CATCH_UP_WITHIN })
}

async fn resume_writes(context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
    context.order(&mut context.connection(context.from).await?, context.from, cmd("CLIENT").arg("UNPAUSE")).await
}

fn pause_writes() -> redis::Cmd {
    cmd("CLIENT").arg("PAUSE").arg(PAUSE_TIMEOUT).arg("WRITE").take()
}
