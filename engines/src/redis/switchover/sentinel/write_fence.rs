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
use crate::redis::connections::Connections;
use crate::{Endpoint, SwitchoverError};

/// More replicas than there can be. The odd number marks the setting as ours.
const FENCE: u64 = 10_007;

/// With a lag of 0 the server does not count replicas at all; this one marks that it was 0.
const LAG: u64 = 10_007;

const MIN_REPLICAS: &str = "min-replicas-to-write";
const MAX_LAG: &str = "min-replicas-max-lag";

/// The settings of before.
pub(super) struct WriteFence {
    min_replicas: u64,
    max_lag: u64,
}

impl WriteFence {
    /// Reads what the user has set, before anything is changed.
    pub(super) async fn prepare(context: &SwitchoverContext<'_>) -> Result<Self, SwitchoverError> {
        let unset =
            || refusal(context.from, format!("it does not tell {MIN_REPLICAS}: a user that may CONFIG is needed"));
        let mut primary = context.connection(context.from).await?;
        match (read(&mut primary, MIN_REPLICAS).await, read(&mut primary, MAX_LAG).await) {
            // A process of ours that died has left it.
            (Some(FENCE), Some(max_lag)) => {
                let min_replicas = of_others(context.connections, context.endpoints, context.from).await;
                Ok(Self { min_replicas, max_lag: if max_lag == LAG { 0 } else { max_lag } })
            }
            (Some(min_replicas), Some(max_lag)) => Ok(Self { min_replicas, max_lag }),
            _ => Err(unset()),
        }
    }

    /// From now on the primary refuses writes.
    pub(super) async fn raise(&self, context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
        let mut primary = context.connection(context.from).await?;
        if self.max_lag == 0 {
            context.order(&mut primary, context.from, &set(MAX_LAG, LAG)).await?;
        }
        context.order(&mut primary, context.from, &set(MIN_REPLICAS, FENCE)).await
    }

    /// The user's settings again, in its file as well, if it has one: the Sentinels had it written meanwhile.
    pub(super) async fn lower(&self, context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
        let _ = context.role(context.from).await; // a change of role has closed the connection
        let mut primary = context.connection(context.from).await?;
        context.order(&mut primary, context.from, &set(MIN_REPLICAS, self.min_replicas)).await?;
        context.order(&mut primary, context.from, &set(MAX_LAG, self.max_lag)).await?;
        let _ = context.order(&mut primary, context.from, cmd("CONFIG").arg("REWRITE")).await;
        Ok(())
    }
}

/// Takes the fence off a replica, or off the only primary, after a process that died. Returns whether it was there.
pub(in crate::redis::switchover) async fn take_off(
    connections: &Connections,
    endpoints: &[Endpoint],
    endpoint: &Endpoint,
) -> redis::RedisResult<bool> {
    let Ok(mut connection) = connections.to(endpoint).await else { return Ok(false) };
    if read(&mut connection, MIN_REPLICAS).await != Some(FENCE) {
        return Ok(false);
    }
    let before = of_others(connections, endpoints, &endpoint.member).await;
    set(MIN_REPLICAS, before).query_async::<()>(&mut connection).await?;
    if read(&mut connection, MAX_LAG).await == Some(LAG) {
        set(MAX_LAG, 0).query_async::<()>(&mut connection).await?;
    }
    drop(cmd("CONFIG").arg("REWRITE").query_async::<()>(&mut connection).await); // it may have no file
    Ok(true)
}

/// What the other members have, which were not changed; 0 is the server's default.
async fn of_others(connections: &Connections, endpoints: &[Endpoint], but: &str) -> u64 {
    for endpoint in endpoints.iter().filter(|endpoint| endpoint.member != but) {
        if let Ok(mut connection) = connections.to(endpoint).await
            && let Some(found) = read(&mut connection, MIN_REPLICAS).await
            && found != FENCE
        {
            return found;
        }
    }
    0
}

async fn read(connection: &mut MultiplexedConnection, setting: &str) -> Option<u64> {
    let ask = cmd("CONFIG").arg("GET").arg(setting).take();
    let told: BTreeMap<String, u64> = ask.query_async(connection).await.ok()?;
    told.get(setting).copied()
}

fn set(setting: &str, value: u64) -> Cmd {
    cmd("CONFIG").arg("SET").arg(setting).arg(value).take()
}
