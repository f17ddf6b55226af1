//! The load on PostgreSQL, through the Service and through poolers.

use std::time::Duration;

use anyhow::{Result, ensure};
use stateful_harness::{Context, Deployment, Load, PooledPostgres, note, nothing_lost, until};

use super::{WRITERS, expect_clean};

/// The container ends, and kubelet starts it again: at once the first time, after 10 s the second.
const RESTARTED_WITHIN: Duration = Duration::from_mins(1);

/// The primary, since this law switches nothing over.
const PRIMARY: &str = "postgres-0";

pub(super) async fn the_ledger_notices_a_crash_and_names_what_is_lost(context: &mut Context) -> Result<()> {
    context.write_often();
    let postgres = context.fresh_database::<PooledPostgres>("15.18").await?;
    for service in ["postgres-primary", "pgbouncer"] {
        expect_clean(&postgres.endpoint_through(service).await?).await?;
        notices_a_crash(&postgres, service).await?;
    }
    names_a_lost_row(&postgres).await
}

/// The primary crashes while each writer has a statement under way: what became of them is unknown.
async fn notices_a_crash(postgres: &PooledPostgres, service: &str) -> Result<()> {
    let load = Load::start(&postgres.endpoint_through(service).await?).await?;
    let before = start_time(postgres).await?;
    let lock = format!("BEGIN; LOCK TABLE {}; SELECT pg_sleep(60)", newest_table(postgres).await?);
    // The connection that holds the lock dies with the server; its answer does not matter.
    let (_, crashed) = tokio::join!(postgres.ask(PRIMARY, &lock), crash(postgres));
    crashed?;
    until("the primary has started again", RESTARTED_WITHIN, async || {
        ensure!(start_time(postgres).await? != before, "it has not");
        Ok(())
    })
    .await?;
    postgres.in_sync(RESTARTED_WITHIN).await?;
    let during = load.take_figures();
    let audit = load.stop().await?;
    note!("{service}, the primary crashes: {during:?}");
    ensure!(during.unknown >= WRITERS, "{WRITERS} statements were under way, and {} are unknown", during.unknown);
    nothing_lost(&audit)
}

async fn crash(postgres: &PooledPostgres) -> Result<()> {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    until("every writer has a statement under way", RESTARTED_WITHIN, async || {
        let waiting: usize = postgres.ask(PRIMARY, waiting).await?.concat().concat().parse()?;
        ensure!(waiting == WRITERS, "{waiting} have");
        Ok(())
    })
    .await?;
    postgres.namespace().kubectl(&["exec", PRIMARY, "--", "sh", "-c", "kill -QUIT 1"]).await.map(drop)
}

/// A row is deleted without the load's knowledge, as a lost write would be.
async fn names_a_lost_row(postgres: &PooledPostgres) -> Result<()> {
    let load = Load::start(&postgres.endpoint_through("postgres-primary").await?).await?;
    let table = newest_table(postgres).await?;
    postgres.ask(PRIMARY, &format!("DELETE FROM {table} WHERE writer = 'writer-3' AND number = 0")).await?;
    let audit = load.stop().await?;
    ensure!(audit.lost == ["writer-3/0"], "it reports as lost: {:?}", audit.lost);
    Ok(())
}

/// Where the newest load writes.
async fn newest_table(postgres: &PooledPostgres) -> Result<String> {
    let newest = "SELECT relname FROM pg_class WHERE relname LIKE 'load%' AND relkind = 'r' ORDER BY oid DESC LIMIT 1";
    Ok(postgres.ask(PRIMARY, newest).await?.concat().concat())
}

async fn start_time(postgres: &PooledPostgres) -> Result<String> {
    Ok(postgres.ask(PRIMARY, "SELECT pg_postmaster_start_time()").await?.concat().concat())
}
