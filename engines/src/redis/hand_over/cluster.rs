//! Redis Cluster: `CLUSTER FAILOVER` on the replica. It asks its master to hold writing clients, waits until it has every
//! byte the master has, and only then asks for the votes (`cluster_legacy.c`, manual failover): writes are delayed and
//! then redirected, none is lost.

use std::time::{Duration, Instant};

use redis::cmd;
use tokio::time::sleep;

use super::{Hands, POLL};
use crate::{HandOverError, HandedOver};

/// A manual failover gives up after 5 s and lets writes go on (`CLUSTER_MF_TIMEOUT`); servers before 6.2.8 hold them up
/// to 10 s (redis #10985). After that it has either happened or will not.
const SETTLED_AFTER: Duration = Duration::from_secs(10);

pub(super) async fn hand_over(hands: &Hands<'_>) -> Result<HandedOver, HandOverError> {
    let mut successor = hands.link(hands.to).await?;
    let started = Instant::now();
    hands.order(&mut successor, hands.to, cmd("CLUSTER").arg("FAILOVER")).await?;
    while started.elapsed() < SETTLED_AFTER {
        if hands.leads(hands.to).await {
            return Ok(HandedOver { took: started.elapsed() });
        }
        sleep(POLL).await;
    }
    Err(hands.overdue(SETTLED_AFTER).await)
}
