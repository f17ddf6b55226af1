//! TOUCH. Pauses the clients of poolers during a switchover, and resumes them afterwards.
//!
//! A pause outlives the connection that asked for it (`admin_cmd_pause` sets a flag of the pool), so the process that asks for a
//! pause has to end it. The command returns when no connection of the pool is lent out; the pool's idle connections are closed, so
//! those it opens afterwards go to the new primary.

use std::time::{Duration, Instant};

use futures::future::{join_all, try_join_all};
use tokio::time::{sleep, timeout};

use crate::postgres::connections::{Connections, ask, words};
use crate::postgres::pooler::{SHORT_RETRIES, is_served, query_console, quoted};
use crate::{PoolerError, PoolerTarget, ServerError, SwitchoverError};

/// How long clients in the middle of a transaction are waited for while all the others wait already. Most transactions
/// take milliseconds; waiting for a longer one would make the pause noticeable to users.
const DRAINED_WITHIN: Duration = Duration::from_secs(2);

/// How long to wait until clients are served. A node's kube-proxy takes a fraction of a second; after this long the cause is
/// another one, and the pooler continues with its own settings.
pub(super) const SERVED_WITHIN: Duration = Duration::from_secs(5);

/// Between two questions whether clients are served. Asking more often would keep a small machine busy.
pub(super) const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Pauses the clients of all these poolers at the same time, or of none.
pub(in crate::postgres) async fn pause(
    consoles: &Connections,
    poolers: &[PoolerTarget],
) -> Result<(), SwitchoverError> {
    let paused = try_join_all(poolers.iter().map(|pooler| pause_one(consoles, pooler))).await;
    if paused.is_err() {
        // Over new console connections: one that still waits for the answer to PAUSE would not get another.
        join_all(poolers.iter().map(|pooler| consoles.forget(&pooler.endpoint))).await;
        let _ = join_all(poolers.iter().map(|pooler| resume(consoles, pooler))).await;
    }
    paused.map(drop)
}

/// Pauses the clients of one pooler.
pub(super) async fn pause_one(consoles: &Connections, pooler: &PoolerTarget) -> Result<(), SwitchoverError> {
    let refused = |why: String| SwitchoverError::Refused { member: pooler.endpoint.member.clone(), why };
    let unreachable = |why: ServerError| SwitchoverError::Unreachable {
        member: pooler.endpoint.member.clone(),
        why: why.to_string(),
    };
    let console = consoles.to(&pooler.endpoint).await.map_err(unreachable)?;
    let pause = async {
        for pool in &pooler.pools {
            ask(&console, &format!("PAUSE {}", quoted(pool))).await.map_err(|error| refused(words(&error)))?;
        }
        Ok(())
    };
    let late = || {
        let pools = pooler.pools.join(", ");
        refused(format!("a client of {pools} was still in the middle of a transaction after {DRAINED_WITHIN:?}"))
    };
    timeout(DRAINED_WITHIN, pause).await.map_err(|_| late())?
}

/// Resumes the clients of one pooler, with short retries until they are served.
pub(in crate::postgres) async fn resume(consoles: &Connections, pooler: &PoolerTarget) -> Result<(), PoolerError> {
    shorten_retries(consoles, pooler).await?;
    let left = end_pause(consoles, pooler).await;
    let begun = Instant::now();
    while left.is_ok() && begun.elapsed() < SERVED_WITHIN {
        // Each question also makes the pooler check whether to retry; by itself it does so three times a second.
        match query_console(consoles, &pooler.endpoint, "SHOW POOLS").await {
            Ok(pools) if !is_served(&pools, &pooler.pools) => sleep(ASK_AGAIN).await,
            Ok(_) | Err(_) => break,
        }
    }
    restore_retries(consoles, pooler).await?;
    left
}

/// Ends the pause of a pooler's pools.
pub(super) async fn end_pause(consoles: &Connections, pooler: &PoolerTarget) -> Result<(), PoolerError> {
    let mut left = Ok(());
    for pool in &pooler.pools {
        // A user or another process may have resumed it already.
        let refused = query_console(consoles, &pooler.endpoint, &format!("RESUME {}", quoted(pool))).await.err();
        let refused = refused.filter(|why| !why.to_string().contains("is not paused"));
        left = left.and(refused.map_or(Ok(()), |why| Err(PoolerError::from(why))));
    }
    left
}

/// Makes the pooler retry often while the Service is changing to the new primary. Where its own settings are not known they are not
/// changed.
pub(super) async fn shorten_retries(consoles: &Connections, pooler: &PoolerTarget) -> Result<(), PoolerError> {
    for (name, short) in SHORT_RETRIES.iter().filter(|_| !pooler.retry_settings.is_empty()) {
        query_console(consoles, &pooler.endpoint, &set(name, short)).await?;
    }
    Ok(())
}

/// Restores the pooler's own retry settings.
pub(super) async fn restore_retries(consoles: &Connections, pooler: &PoolerTarget) -> Result<(), PoolerError> {
    for (name, before) in &pooler.retry_settings {
        query_console(consoles, &pooler.endpoint, &set(name, before)).await?;
    }
    Ok(())
}

/// A setting of the running pooler; its files stay as they are.
fn set(name: &str, value: &str) -> String {
    format!("SET {name} = '{}'", value.replace('\'', "''"))
}
