//! How much memory the guard takes, and how soon it is ready.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::servers::{Running, Site};
use super::spread::median;

/// Starts; odd, so that there is a median.
const STARTS: usize = 5;

/// Then it is watched for so long: every database has been looked at a few times, and what the first lists took has been
/// given back or not.
const SETTLED_AFTER: Duration = Duration::from_secs(20);

/// Of one size of cluster.
#[derive(Debug, Clone)]
pub(crate) struct Footprint {
    /// From its start until `/readyz` said so; the median.
    pub(crate) ready: Duration,
    /// The slowest.
    pub(crate) slowest: Duration,
    /// What it holds when all is quiet, in MiB.
    pub(crate) settled: f64,
    /// What it held at most, in MiB.
    pub(crate) peak: f64,
}

/// Starts the guard a few times; the last one stays.
pub(crate) async fn measure(binary: &Path, site: &Site<'_>) -> Result<(Footprint, Running)> {
    let mut ready = Vec::new();
    for _ in 1..STARTS {
        let guard = Running::guard(binary, site).await?;
        ready.push(guard.ready_after);
        guard.end().await?;
    }
    let guard = Running::guard(binary, site).await?;
    ready.push(guard.ready_after);
    sleep(SETTLED_AFTER).await;
    let (settled, peak) = guard.memory()?;
    let slowest = ready.iter().copied().max().unwrap_or_default();
    Ok((Footprint { ready: median(ready.into_iter()), slowest, settled, peak }, guard))
}
