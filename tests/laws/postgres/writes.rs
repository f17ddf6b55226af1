//! What the writers and the members show around a switchover.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use stateful_harness::{Deployment, Engine, Figures, Load, Postgres, note, nothing_lost, until};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::SETTLED_WITHIN;

/// Every writer has found the next primary long before.
const WRITES_WITHIN: Duration = Duration::from_secs(30);

/// Eight writers have an answer every few milliseconds; the shortest pause is four times as long as this.
const STALL: Duration = Duration::from_millis(30);

/// Waits for the first write that goes wrong, or a moment without any: the old primary has been told to stop. A pause is shorter than the
/// interval of `until`, and may be over before a write has gone wrong.
pub(super) async fn until_writes_stall(load: &Load, mut during: Figures) -> Result<Figures> {
    let began = Instant::now();
    let mut acknowledged = began;
    loop {
        let figures = load.take_figures();
        if figures.acknowledged > 0 {
            acknowledged = Instant::now();
        }
        let stalls = figures.failed + figures.unknown > 0 || acknowledged.elapsed() > STALL;
        during = during.combine(&figures);
        if stalls {
            return Ok(during);
        }
        ensure!(began.elapsed() < WRITES_WITHIN, "no write failed");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Waits until writes are acknowledged and, where `clean`, none goes wrong any more.
pub(super) async fn until_writes_flow(
    load: &Load,
    during: Figures,
    patience: Duration,
    clean: bool,
) -> Result<Figures> {
    let mut during = load.take_figures().combine(&during);
    until("writes are acknowledged", patience, async || {
        let figures = load.take_figures();
        during = figures.clone().combine(&during);
        ensure!(
            figures.acknowledged > 0 && (!clean || figures.failed + figures.unknown == 0),
            "they are not: {figures:?}"
        );
        Ok(())
    })
    .await?;
    Ok(during)
}

/// Fails unless that member is the primary and clients reach it, nothing acknowledged is lost, and every member holds the same. Returns how
/// long a writer waited at most.
pub(super) async fn expect_whole(primary: &str, postgres: &Postgres, load: Load, during: Figures) -> Result<Duration> {
    postgres.in_sync(SETTLED_WITHIN).await?;
    ensure!(postgres.primary().await? == primary, "{primary} is not primary");
    postgres.expect_routed().await?;
    let during = load.take_figures().combine(&during);
    let audit = load.stop().await?;
    note!("{primary} is primary: {during:?}\n{}", audit.errors.join("\n"));
    nothing_lost(&audit)?;
    postgres.expect_same_rows(SETTLED_WITHIN).await?;
    Ok(during.longest_gap)
}

/// Whether a member is no standby, by its own answer.
pub(super) async fn is_primary(member: &Client) -> Result<bool> {
    let answer = member.simple_query("SELECT pg_is_in_recovery()").await?;
    let not_in_recovery =
        |message: &SimpleQueryMessage| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some("f"));
    Ok(answer.iter().any(not_in_recovery))
}

/// Waits until a server ends its sessions: a fast shutdown has begun, and the fence was on its disk before.
pub(super) async fn until_stopped(server: &Client, patience: Duration) -> Result<()> {
    let began = Instant::now();
    while server.simple_query("SELECT 1").await.is_ok() {
        ensure!(began.elapsed() < patience, "it was never stopped");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}
