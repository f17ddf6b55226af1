//! Under Sentinels: they must do the failover, or they would undo it; but `SENTINEL FAILOVER` by itself loses what the
//! replica has not received yet (redis #6062, #13118). So writes are held first, the replica is proven to have every
//! byte, and only then the Sentinels are asked.
//!
//! Order: the Sentinel asked gives up soon and knows whom to choose → `CLIENT PAUSE … WRITE` → offsets equal →
//! `SENTINEL FAILOVER` → the successor leads → the old primary follows it → only then the hold ends. Ended any earlier,
//! the writes held would be carried out by a primary that nobody follows. Should this process die while writes are held,
//! they go on by themselves within [`HOLD`].

mod asked;

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::cmd;
use tokio::time::sleep;

use super::{POLL, SwitchoverContext};
use crate::{CompletedSwitchover, Endpoint, SwitchoverError};
use asked::Asked;

/// How long one hold lasts if nobody renews it, in milliseconds: a bound on the harm of dying in the middle.
const HOLD: u64 = 5_000;

/// The hold is renewed this often while the Sentinels work.
const RENEW_EVERY: Duration = Duration::from_millis(1_500);

/// The replica has this long to receive what is left once writes are held: it was in sync a moment ago.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(2);

/// The Sentinel asked gives up after [`asked::GIVES_UP_AFTER`]; past that it has either happened or will not.
const SETTLED_AFTER: Duration = Duration::from_secs(15);

pub(super) async fn switch_over(
    context: &SwitchoverContext<'_>,
    sentinels: &[Endpoint],
) -> Result<CompletedSwitchover, SwitchoverError> {
    let mut asked = Asked::find(context, sentinels).await?;
    let prepared = asked.prepare(context).await;
    let handed = match prepared {
        Ok(()) => held(context, &mut asked).await,
        Err(error) => Err(error),
    };
    // Whatever happened, priority and patience are the user's own again.
    let restored = asked.restore(context).await;
    let handed = handed?;
    restored?;
    Ok(handed)
}

/// Once the Sentinel knows whom to choose: hold, prove, ask, watch, fence, let go.
async fn held(context: &SwitchoverContext<'_>, asked: &mut Asked) -> Result<CompletedSwitchover, SwitchoverError> {
    let mut primary = context.link(context.from).await?;
    let started = Instant::now();
    context.order(&mut primary, context.from, &hold()).await?;
    let begun = match caught_up(context, &mut primary).await {
        Ok(()) => asked.fail_over(context).await,
        Err(error) => Err(error),
    };
    match begun {
        Ok(()) | Err(SwitchoverError::Unknown { .. }) => {} // it may have begun: the hold stays until that is known
        Err(error) => {
            let_go(context).await?; // nothing has begun: writes go on where they were
            return Err(error);
        }
    }
    let mut renewed = Instant::now();
    while started.elapsed() < SETTLED_AFTER {
        if context.leads(context.to).await {
            return fence(context, started).await;
        }
        if renewed.elapsed() > RENEW_EVERY {
            context.order(&mut context.link(context.from).await?, context.from, &hold()).await?;
            renewed = Instant::now();
        }
        sleep(POLL).await;
    }
    Err(context.overdue(SETTLED_AFTER).await)
}

/// The successor leads. The old primary is made to follow it, as the Sentinels are about to do as well, while its
/// writers are still held; let go of after that they are told READONLY and ask who leads.
async fn fence(context: &SwitchoverContext<'_>, started: Instant) -> Result<CompletedSwitchover, SwitchoverError> {
    let (host, port) = address(context).await?;
    let follow = cmd("REPLICAOF").arg(host).arg(port).take();
    while started.elapsed() < SETTLED_AFTER {
        if context.follows(context.from).await {
            let took = started.elapsed();
            let_go(context).await?;
            return Ok(CompletedSwitchover { took });
        }
        let mut old = context.link(context.from).await?;
        context.order(&mut old, context.from, &hold()).await?;
        context.order(&mut old, context.from, &follow).await?;
    }
    Err(context.unknown(format!("{} leads, but {} does not follow it", context.to, context.from)))
}

/// The address under which the successor announces itself to others.
async fn address(context: &SwitchoverContext<'_>) -> Result<(String, u16), SwitchoverError> {
    let mut old = context.link(context.from).await?;
    let known = context.info(&mut old, context.from).await?;
    if let Ok(known) = context.as_primary_knows(&known) {
        return Ok(known);
    }
    // It has stopped being a replica, and with that left the old primary's list: by its address then.
    let endpoint = context.endpoints.iter().find(|endpoint| endpoint.member == context.to);
    let host = endpoint
        .and_then(|endpoint| endpoint.address.clone())
        .ok_or_else(|| context.unknown("it has no address".to_owned()))?;
    let mut successor = context.link(context.to).await?;
    let port =
        context.info(&mut successor, context.to).await?.number("tcp_port").and_then(|port| u16::try_from(port).ok());
    Ok((host, port.unwrap_or(6_379)))
}

async fn caught_up(
    context: &SwitchoverContext<'_>,
    primary: &mut MultiplexedConnection,
) -> Result<(), SwitchoverError> {
    let mut successor = context.link(context.to).await?;
    let started = Instant::now();
    while started.elapsed() < CATCH_UP_WITHIN {
        // The successor is asked second: what it has then is no less than what the primary had sent before.
        let sent = context.info(primary, context.from).await?.number("master_repl_offset");
        let received = context.info(&mut successor, context.to).await?.number("slave_repl_offset");
        if sent.is_some() && received >= sent {
            return Ok(());
        }
        sleep(POLL).await;
    }
    Err(SwitchoverError::NotMoved { from: context.from.to_owned(), to: context.to.to_owned(), waited: CATCH_UP_WITHIN })
}

async fn let_go(context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
    context.order(&mut context.link(context.from).await?, context.from, cmd("CLIENT").arg("UNPAUSE")).await
}

fn hold() -> redis::Cmd {
    cmd("CLIENT").arg("PAUSE").arg(HOLD).arg("WRITE").take()
}
