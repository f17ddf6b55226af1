//! Several laws on one database, because a database takes longer to make than most laws to prove.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use stateful_harness::RedisCluster;

/// How long a law may leave the members unsettled.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

/// The laws proven so far, and those that do not hold.
pub(crate) struct Laws<'a> {
    redis: &'a RedisCluster,
    broken: Vec<String>,
}

impl<'a> Laws<'a> {
    pub(crate) fn on(redis: &'a RedisCluster) -> Self {
        Self { redis, broken: Vec::new() }
    }

    /// Tries one. One that is broken does not hide the next; a database that does not recover ends it all.
    pub(crate) async fn hold(&mut self, law: &str, proof: impl Future<Output = Result<()>>) -> Result<()> {
        self.hold_unsettled(law, proof).await;
        let settled = self.redis.in_sync(SETTLED_WITHIN).await;
        settled.with_context(|| format!("after {law}; broken so far:\n\n{}", self.broken.join("\n\n")))
    }

    /// Tries one that leaves the database as the next one needs it.
    pub(crate) async fn hold_unsettled(&mut self, law: &str, proof: impl Future<Output = Result<()>>) {
        let started = Instant::now();
        let outcome = proof.await;
        let word = if outcome.is_ok() { "holds" } else { "IS BROKEN" };
        eprintln!("law {law} … {word} ({:.1} s)", started.elapsed().as_secs_f64());
        if let Err(why) = outcome {
            self.broken.push(format!("{law}: {why:#}"));
        }
    }

    /// The verdict on all of them.
    pub(crate) fn verdict(self) -> Result<()> {
        if self.broken.is_empty() {
            return Ok(());
        }
        bail!("{} laws do not hold:\n\n{}", self.broken.len(), self.broken.join("\n\n"))
    }
}
