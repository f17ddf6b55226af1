//! Waiting for a condition, never for a while.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::time::sleep;

/// How often a condition is looked at. What is looked at costs a process or a round trip; five times a second is
/// quick enough for people and slow enough for two cores.
const POLL: Duration = Duration::from_millis(200);

/// Asks until there is an answer. `Err` is the reason why there is none yet, and what is told when time is up.
pub async fn until<T>(what: &str, patience: Duration, mut ask: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(why) if started.elapsed() >= patience => bail!("{what}: not within {patience:?}: {why:#}"),
            Err(_) => sleep(POLL).await,
        }
    }
}
