//! A primary that acknowledges no write, even to clients that are still connected to it: it wants more replicas than there can be
//! (`min-replicas-to-write`) and answers NOREPLICAS. A pause alone is not enough. It ends by itself while the old primary still
//! takes itself for one, and until then the server does not even carry out the Sentinels' order to follow the successor: that is
//! one of the commands that wait, behind the writes that came before it.
//!
//! The fence stays when this process dies. [`take_off`] removes it then.

use std::collections::BTreeMap;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, cmd};

use super::super::{SwitchoverContext, refusal};
use crate::SwitchoverError;
use crate::redis::fence_mark;

/// With a lag of 0 the server does not count replicas at all; this one marks that it was 0.
const LAG: u64 = 10_007;

const MIN_REPLICAS: &str = "min-replicas-to-write";
const MAX_LAG: &str = "min-replicas-max-lag";

/// A ping is part of the replication stream. One that the old primary sends after the promotion lets it have more than the successor,
/// so that it must copy everything from it, which a server of an older release cannot read.
const PING_PERIOD: &str = "repl-ping-replica-period";

/// The settings of before, and of a fenced primary.
pub(super) struct WriteFence {
    min_replicas: u64,
    fenced: u64,
    max_lag: u64,
    ping_period: u64,
    without_pings: u64,
}

impl WriteFence {
    /// Reads what the user has set, before anything is changed.
    pub(super) async fn prepare(context: &SwitchoverContext<'_>) -> Result<Self, SwitchoverError> {
        let mut primary = context.connection(context.from).await?;
        let (Some(min_replicas), Some(max_lag), Some(ping_period)) = (
            read(&mut primary, MIN_REPLICAS).await,
            read(&mut primary, MAX_LAG).await,
            read(&mut primary, PING_PERIOD).await,
        ) else {
            let why = format!("it does not tell {MIN_REPLICAS}: a user that may CONFIG is needed");
            return Err(refusal(context.from, why));
        };
        // A process of ours that died may have left it.
        let min_replicas = fence_mark::before(min_replicas).unwrap_or(min_replicas);
        let ping_period = fence_mark::before(ping_period).unwrap_or(ping_period);
        let without_pings = fence_mark::fenced(ping_period).unwrap_or(ping_period);
        let Some(fenced) = fence_mark::fenced(min_replicas) else {
            return Err(refusal(
                context.from,
                format!("its {MIN_REPLICAS} is {min_replicas}: it takes no writes as it is"),
            ));
        };
        Ok(Self { min_replicas, fenced, ping_period, without_pings, max_lag: if max_lag == LAG { 0 } else { max_lag } })
    }

    /// From now on the primary sends no pings: before its replicas are compared with it.
    pub(super) async fn stop_pings(&self, context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
        let mut primary = context.connection(context.from).await?;
        context.order(&mut primary, context.from, &set(PING_PERIOD, self.without_pings)).await
    }

    /// From now on the primary refuses writes.
    pub(super) async fn raise(&self, context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
        let mut primary = context.connection(context.from).await?;
        if self.max_lag == 0 {
            context.order(&mut primary, context.from, &set(MAX_LAG, LAG)).await?;
        }
        context.order(&mut primary, context.from, &set(MIN_REPLICAS, self.fenced)).await
    }

    /// The user's settings again, in its file as well, if it has one: the Sentinels had it written meanwhile.
    pub(super) async fn lower(&self, context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
        let _ = context.role(context.from).await; // a change of role has closed the connection
        let mut primary = context.connection(context.from).await?;
        context.order(&mut primary, context.from, &set(MIN_REPLICAS, self.min_replicas)).await?;
        context.order(&mut primary, context.from, &set(MAX_LAG, self.max_lag)).await?;
        context.order(&mut primary, context.from, &set(PING_PERIOD, self.ping_period)).await?;
        let _ = context.order(&mut primary, context.from, cmd("CONFIG").arg("REWRITE")).await;
        Ok(())
    }
}

/// Whether a member has the fence up, or its pings stopped.
pub(in crate::redis::switchover) async fn is_up(connection: &mut MultiplexedConnection) -> bool {
    let is_ours = |setting: Option<u64>| setting.and_then(fence_mark::before).is_some();
    is_ours(read(connection, MIN_REPLICAS).await) || is_ours(read(connection, PING_PERIOD).await)
}

/// Takes the fence off a member, after a process that died. Returns whether it was there. Only a replica's, which refuses writes by
/// itself, or a primary's that is known to be the only one.
pub(in crate::redis::switchover) async fn take_off(connection: &mut MultiplexedConnection) -> redis::RedisResult<bool> {
    if !is_up(connection).await {
        return Ok(false);
    }
    for setting in [MIN_REPLICAS, PING_PERIOD] {
        if let Some(before) = read(connection, setting).await.and_then(fence_mark::before) {
            set(setting, before).query_async::<()>(connection).await?;
        }
    }
    if read(connection, MAX_LAG).await == Some(LAG) {
        set(MAX_LAG, 0).query_async::<()>(connection).await?;
    }
    drop(cmd("CONFIG").arg("REWRITE").query_async::<()>(connection).await); // it may have no file
    Ok(true)
}

async fn read(connection: &mut MultiplexedConnection, setting: &str) -> Option<u64> {
    let ask = cmd("CONFIG").arg("GET").arg(setting).take();
    let told: BTreeMap<String, u64> = ask.query_async(connection).await.ok()?;
    told.get(setting).copied()
}

fn set(setting: &str, value: u64) -> Cmd {
    cmd("CONFIG").arg("SET").arg(setting).arg(value).take()
}
