//! Waiting for a condition, never for a while.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::time::sleep;

/// How often a condition is checked. A check costs a round trip or a process; five a second are quick enough for a law, and few
/// enough for two cores.
const POLL: Duration = Duration::from_millis(200);

/// Checks until it succeeds. The last check's error is the reason that is reported when the patience is over.
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
