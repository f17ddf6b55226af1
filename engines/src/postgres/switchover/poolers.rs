//! TOUCH. Lets the clients of poolers wait while the role moves, and go on afterwards.
//!
//! A pause outlives the connection it was asked on (`admin_cmd_pause` sets a flag of the pool), so whoever asks for one
//! answers for its end. It returns when no connection of the pool is lent out; its idle ones are closed, so what the pool
//! opens afterwards leads to the new primary.

use std::time::{Duration, Instant};

use futures::future::{join_all, try_join_all};
use tokio::time::{sleep, timeout};

use crate::postgres::connections::{Connections, ask, words};
use crate::postgres::pooler::{HURRIED, is_served, named, say};
use crate::{PoolerError, PoolerTarget, ServerError, SwitchoverError};

/// How long clients in the middle of a transaction are waited for while all the others wait already. Most transactions
/// take milliseconds; whoever takes longer than this would make the pause one that people feel.
const DRAINED_WITHIN: Duration = Duration::from_secs(2);

/// How long it is waited for until clients are served. A node's proxy takes a fraction of a second; after this long
/// something else is the matter, and the pooler goes on as it was configured.
pub(super) const SERVED_WITHIN: Duration = Duration::from_secs(5);

/// Between two questions whether they are. More often, and asking is what keeps a small machine busy.
pub(super) const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Pauses all, at the same time, or none.
pub(in crate::postgres) async fn pause(
    consoles: &Connections,
    poolers: &[PoolerTarget],
) -> Result<(), SwitchoverError> {
    let paused = try_join_all(poolers.iter().map(|pooler| pause_one(consoles, pooler))).await;
    if paused.is_err() {
        // Not on a console that still waits for its answer: after this it would never get any.
        join_all(poolers.iter().map(|pooler| consoles.forget(&pooler.endpoint))).await;
        let _ = join_all(poolers.iter().map(|pooler| resume(consoles, pooler))).await;
    }
    paused.map(drop)
}

/// Lets the clients of one wait.
pub(super) async fn pause_one(consoles: &Connections, pooler: &PoolerTarget) -> Result<(), SwitchoverError> {
    let refused = |why: String| SwitchoverError::Refused { member: pooler.endpoint.member.clone(), why };
    let unreachable = |why: ServerError| SwitchoverError::Unreachable {
        member: pooler.endpoint.member.clone(),
        why: why.to_string(),
    };
    let console = consoles.to(&pooler.endpoint).await.map_err(unreachable)?;
    let pause = async {
        for pool in &pooler.pools {
            ask(&console, &format!("PAUSE {}", named(pool))).await.map_err(|error| refused(words(&error)))?;
        }
        Ok(())
    };
    let late = || {
        let pools = pooler.pools.join(", ");
        refused(format!("a client of {pools} was still in the middle of a transaction after {DRAINED_WITHIN:?}"))
    };
    timeout(DRAINED_WITHIN, pause).await.map_err(|_| late())?
}

/// Lets the clients of one go on, in a hurry until they are served.
pub(in crate::postgres) async fn resume(consoles: &Connections, pooler: &PoolerTarget) -> Result<(), PoolerError> {
    hurry(consoles, pooler).await?;
    let left = release(consoles, pooler).await;
    let begun = Instant::now();
    while left.is_ok() && begun.elapsed() < SERVED_WITHIN {
        // Being asked also makes it look whether it should try again: by itself it does so three times a second.
        match say(consoles, &pooler.endpoint, "SHOW POOLS").await {
            Ok(pools) if !is_served(&pools, &pooler.pools) => sleep(ASK_AGAIN).await,
            Ok(_) | Err(_) => break,
        }
    }
    calm(consoles, pooler).await?;
    left
}

/// Ends the pause of its pools.
pub(super) async fn release(consoles: &Connections, pooler: &PoolerTarget) -> Result<(), PoolerError> {
    let mut left = Ok(());
    for pool in &pooler.pools {
        // Somebody else may have resumed it.
        let refused = say(consoles, &pooler.endpoint, &format!("RESUME {}", named(pool))).await.err();
        let refused = refused.filter(|why| !why.to_string().contains("is not paused"));
        left = left.and(refused.map_or(Ok(()), |why| Err(PoolerError::from(why))));
    }
    left
}

/// Makes it try often while the way to the new primary opens. Where it did not say how patient it was, nothing is changed.
pub(super) async fn hurry(consoles: &Connections, pooler: &PoolerTarget) -> Result<(), PoolerError> {
    for (name, hurried) in HURRIED.iter().filter(|_| !pooler.retry_settings.is_empty()) {
        say(consoles, &pooler.endpoint, &set(name, hurried)).await?;
    }
    Ok(())
}

/// Makes it as patient as it was.
pub(super) async fn calm(consoles: &Connections, pooler: &PoolerTarget) -> Result<(), PoolerError> {
    for (name, before) in &pooler.retry_settings {
        say(consoles, &pooler.endpoint, &set(name, before)).await?;
    }
    Ok(())
}

/// A setting of the running pooler; its files stay as they are.
fn set(name: &str, value: &str) -> String {
    format!("SET {name} = '{}'", value.replace('\'', "''"))
}
