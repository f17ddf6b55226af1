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

use super::{Hands, POLL};
use crate::{Door, HandOverError, HandedOver};
use asked::Asked;

/// How long one hold lasts if nobody renews it, in milliseconds: a bound on the harm of dying in the middle.
const HOLD: u64 = 5_000;

/// The hold is renewed this often while the Sentinels work.
const RENEW_EVERY: Duration = Duration::from_millis(1_500);

/// The replica has this long to receive what is left once writes are held: it was in sync a moment ago.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(2);

/// The Sentinel asked gives up after [`asked::GIVES_UP_AFTER`]; past that it has either happened or will not.
const SETTLED_AFTER: Duration = Duration::from_secs(15);

pub(super) async fn hand_over(hands: &Hands<'_>, sentinels: &[Door]) -> Result<HandedOver, HandOverError> {
    let mut asked = Asked::find(hands, sentinels).await?;
    let prepared = asked.prepare(hands).await;
    let handed = match prepared {
        Ok(()) => held(hands, &mut asked).await,
        Err(error) => Err(error),
    };
    // Whatever happened, priority and patience are the user's own again.
    let restored = asked.restore(hands).await;
    let handed = handed?;
    restored?;
    Ok(handed)
}

/// Once the Sentinel knows whom to choose: hold, prove, ask, watch, fence, let go.
async fn held(hands: &Hands<'_>, asked: &mut Asked) -> Result<HandedOver, HandOverError> {
    let mut primary = hands.link(hands.from).await?;
    let started = Instant::now();
    hands.order(&mut primary, hands.from, &hold()).await?;
    let begun = match caught_up(hands, &mut primary).await {
        Ok(()) => asked.fail_over(hands).await,
        Err(error) => Err(error),
    };
    match begun {
        Ok(()) | Err(HandOverError::Unknown { .. }) => {} // it may have begun: the hold stays until that is known
        Err(error) => {
            let_go(hands).await?; // nothing has begun: writes go on where they were
            return Err(error);
        }
    }
    let mut renewed = Instant::now();
    while started.elapsed() < SETTLED_AFTER {
        if hands.leads(hands.to).await {
            return fence(hands, started).await;
        }
        if renewed.elapsed() > RENEW_EVERY {
            hands.order(&mut hands.link(hands.from).await?, hands.from, &hold()).await?;
            renewed = Instant::now();
        }
        sleep(POLL).await;
    }
    Err(hands.overdue(SETTLED_AFTER).await)
}

/// The successor leads. The old primary is made to follow it, as the Sentinels are about to do as well, while its
/// writers are still held; let go of after that they are told READONLY and ask who leads.
async fn fence(hands: &Hands<'_>, started: Instant) -> Result<HandedOver, HandOverError> {
    let (host, port) = address(hands).await?;
    let follow = cmd("REPLICAOF").arg(host).arg(port).take();
    while started.elapsed() < SETTLED_AFTER {
        if hands.follows(hands.from).await {
            let took = started.elapsed();
            let_go(hands).await?;
            return Ok(HandedOver { took });
        }
        let mut old = hands.link(hands.from).await?;
        hands.order(&mut old, hands.from, &hold()).await?;
        hands.order(&mut old, hands.from, &follow).await?;
    }
    Err(hands.unknown(format!("{} leads, but {} does not follow it", hands.to, hands.from)))
}

/// The address under which the successor announces itself to others.
async fn address(hands: &Hands<'_>) -> Result<(String, u16), HandOverError> {
    let mut old = hands.link(hands.from).await?;
    let known = hands.info(&mut old, hands.from).await?;
    if let Ok(known) = hands.as_primary_knows(&known) {
        return Ok(known);
    }
    // It has stopped being a replica, and with that left the old primary's list: by its address then.
    let door = hands.doors.iter().find(|door| door.member == hands.to);
    let host =
        door.and_then(|door| door.address.clone()).ok_or_else(|| hands.unknown("it has no address".to_owned()))?;
    let mut successor = hands.link(hands.to).await?;
    let port = hands.info(&mut successor, hands.to).await?.number("tcp_port").and_then(|port| u16::try_from(port).ok());
    Ok((host, port.unwrap_or(6_379)))
}

async fn caught_up(hands: &Hands<'_>, primary: &mut MultiplexedConnection) -> Result<(), HandOverError> {
    let mut successor = hands.link(hands.to).await?;
    let started = Instant::now();
    while started.elapsed() < CATCH_UP_WITHIN {
        // The successor is asked second: what it has then is no less than what the primary had sent before.
        let sent = hands.info(primary, hands.from).await?.number("master_repl_offset");
        let received = hands.info(&mut successor, hands.to).await?.number("slave_repl_offset");
        if sent.is_some() && received >= sent {
            return Ok(());
        }
        sleep(POLL).await;
    }
    Err(HandOverError::NotMoved { from: hands.from.to_owned(), to: hands.to.to_owned(), waited: CATCH_UP_WITHIN })
}

async fn let_go(hands: &Hands<'_>) -> Result<(), HandOverError> {
    hands.order(&mut hands.link(hands.from).await?, hands.from, cmd("CLIENT").arg("UNPAUSE")).await
}

fn hold() -> redis::Cmd {
    cmd("CLIENT").arg("PAUSE").arg(HOLD).arg("WRITE").take()
}
