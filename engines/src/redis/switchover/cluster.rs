//! Redis Cluster: `CLUSTER FAILOVER` on the replica. It asks its master to hold writing clients, waits until it has every
//! byte the master has, and only then asks for the votes (`cluster_legacy.c`, manual failover): writes are delayed and
//! then redirected, none is lost.

use std::time::{Duration, Instant};

use redis::cmd;
use tokio::time::sleep;

use super::{POLL, SwitchoverContext};
use crate::{CompletedSwitchover, SwitchoverError};

/// A manual failover gives up after 5 s and lets writes go on (`CLUSTER_MF_TIMEOUT`); servers before 6.2.8 hold them up
/// to 10 s (redis #10985). After that it has either happened or will not.
const SETTLED_AFTER: Duration = Duration::from_secs(10);

pub(super) async fn switch_over(context: &SwitchoverContext<'_>) -> Result<CompletedSwitchover, SwitchoverError> {
    let mut successor = context.connection(context.to).await?;
    let started = Instant::now();
    context.order_failover(&mut successor, context.to, cmd("CLUSTER").arg("FAILOVER")).await?;
    while started.elapsed() < SETTLED_AFTER {
        if context.leads(context.to).await {
            return Ok(CompletedSwitchover { took: started.elapsed() });
        }
        sleep(POLL).await;
    }
    Err(context.overdue(SETTLED_AFTER).await)
}
