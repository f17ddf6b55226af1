//! Primary and replicas without Sentinels: `FAILOVER TO … TIMEOUT` on the primary (6.2 and newer). It holds writing
//! clients until the replica has every byte, then makes it lead and follows it. Without `TIMEOUT` writes would wait for
//! ever. Both record their new role in their configuration files, or a restart would bring the old roles back; and every other
//! replica follows the new primary from then on, for the server itself leaves them where they were.

use std::time::{Duration, Instant};

use redis::cmd;
use tokio::time::sleep;

use super::follow::{Primary, follow, lead_others};
use super::{POLL, SwitchoverContext};
use crate::{CompletedSwitchover, SwitchoverError};

/// How long the server itself may hold writes before it aborts the failover, in milliseconds.
const HOLD_TIMEOUT: u64 = 5_000;

/// Past the server's own limit the failover has either happened or will not.
const SETTLED_AFTER: Duration = Duration::from_secs(8);

pub(super) async fn switch_over(context: &SwitchoverContext<'_>) -> Result<CompletedSwitchover, SwitchoverError> {
    let mut primary = context.connection(context.from).await?;
    let mut successor = context.connection(context.to).await?;
    // Tried before anything changes: a configuration file that cannot be written now could not record the new roles either.
    for (member, connection) in [(context.from, &mut primary), (context.to, &mut successor)] {
        context.order(connection, member, cmd("CONFIG").arg("REWRITE")).await?;
    }
    let (host, port) = context.successor_address_on_primary(&context.info(&mut primary, context.from).await?)?;
    let followed_as = context.info(&mut successor, context.to).await?.field("master_host").map(str::to_owned);
    let name = Primary::name_for(context.from, followed_as.as_deref(), context.to);
    let new = Primary { host: host.clone(), port, name };
    let started = Instant::now();
    let failover = cmd("FAILOVER").arg("TO").arg(host).arg(port).arg("TIMEOUT").arg(HOLD_TIMEOUT).take();
    context.order_failover(&mut primary, context.from, &failover).await?;
    while started.elapsed() < SETTLED_AFTER {
        if context.leads(context.to).await && context.follows(context.from).await {
            let took = started.elapsed();
            context.order(&mut context.connection(context.to).await?, context.to, cmd("CONFIG").arg("REWRITE")).await?;
            follow(context, context.from, &new).await.map_err(|error| context.unknown(error.to_string()))?;
            lead_others(context, &new).await;
            return Ok(CompletedSwitchover { took });
        }
        sleep(POLL).await;
    }
    Err(context.overdue(SETTLED_AFTER).await)
}
