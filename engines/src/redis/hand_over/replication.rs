//! Primary and replicas without Sentinels: `FAILOVER TO … TIMEOUT` on the primary (6.2 and newer). It holds writing
//! clients until the replica has every byte, then makes it lead and follows it. Without `TIMEOUT` writes would wait for
//! ever. Both record their new role in their configuration files, or a restart would bring the old roles back.

use std::time::{Duration, Instant};

use redis::cmd;
use tokio::time::sleep;

use super::{Hands, POLL};
use crate::{HandOverError, HandedOver};

/// How long the server itself may hold writes before it calls the failover off, in milliseconds.
const HOLD: u64 = 5_000;

/// Past the server's own limit it has either happened or will not.
const SETTLED_AFTER: Duration = Duration::from_secs(8);

pub(super) async fn hand_over(hands: &Hands<'_>) -> Result<HandedOver, HandOverError> {
    let mut primary = hands.link(hands.from).await?;
    let mut successor = hands.link(hands.to).await?;
    // Tried before anything changes: a file that cannot be written now cannot keep the new roles either.
    for (member, link) in [(hands.from, &mut primary), (hands.to, &mut successor)] {
        hands.order(link, member, cmd("CONFIG").arg("REWRITE")).await?;
    }
    let (host, port) = hands.as_primary_knows(&hands.info(&mut primary, hands.from).await?)?;
    let started = Instant::now();
    let failover = cmd("FAILOVER").arg("TO").arg(host).arg(port).arg("TIMEOUT").arg(HOLD).take();
    hands.order(&mut primary, hands.from, &failover).await?;
    while started.elapsed() < SETTLED_AFTER {
        if hands.leads(hands.to).await && hands.follows(hands.from).await {
            let took = started.elapsed();
            for member in [hands.from, hands.to] {
                hands.order(&mut hands.link(member).await?, member, cmd("CONFIG").arg("REWRITE")).await?;
            }
            return Ok(HandedOver { took });
        }
        sleep(POLL).await;
    }
    Err(hands.overdue(SETTLED_AFTER).await)
}
