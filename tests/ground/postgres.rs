//! The load on PostgreSQL: nothing is wrong while nothing happens, a crash is noticed and loses nothing, and what is lost
//! is named.

use std::time::Duration;

use anyhow::{Result, ensure};
use stateful_harness::{Cluster, Load, Postgres, nothing_failed, nothing_lost, until};
use tokio::time::sleep;

/// The container ends, and kubelet starts it again: at once the first time, after 10 s the second.
const RESTARTED_WITHIN: Duration = Duration::from_mins(1);

/// Long enough for a thousand writes each.
const A_WHILE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn the_ledger_of_postgres_notices_a_crash_and_names_what_is_lost() -> Result<()> {
    let cluster = Cluster::find()?;
    let namespace = cluster.namespace("ground-postgres").await?;
    let postgres = Postgres::deploy(&namespace, "15.18").await?;
    postgres.deploy_pooler().await?;
    for service in ["postgres-primary", "pgbouncer"] {
        nothing_happens(&postgres, service).await?;
        the_primary_crashes(&postgres, service).await?;
    }
    a_row_goes(&postgres).await
}

async fn nothing_happens(postgres: &Postgres<'_>, service: &str) -> Result<()> {
    let load = Load::start(postgres.through(service).await?).await?;
    // Not to wait for something: this is the time in which nothing happens.
    sleep(A_WHILE).await;
    let during = load.turn_page();
    let audit = load.stop().await?;
    eprintln!("{service}, nothing happens: {during:?}");
    nothing_failed(&during, &audit)
}

/// A crash, not a goodbye: statements are under way, and nobody says what became of them.
async fn the_primary_crashes(postgres: &Postgres<'_>, service: &str) -> Result<()> {
    let load = Load::start(postgres.through(service).await?).await?;
    let before = started(postgres).await?;
    postgres.namespace().kubectl(&["exec", "postgres-0", "--", "sh", "-c", "kill -QUIT 1"]).await?;
    until("the primary has started again", RESTARTED_WITHIN, async || {
        ensure!(started(postgres).await? != before, "it has not");
        Ok(())
    })
    .await?;
    postgres.in_sync(RESTARTED_WITHIN).await?;
    let during = load.turn_page();
    let audit = load.stop().await?;
    eprintln!("{service}, the primary crashes: {during:?}");
    ensure!(during.failed + during.unknown > 0, "a crash went unnoticed");
    nothing_lost(&audit)
}

async fn a_row_goes(postgres: &Postgres<'_>) -> Result<()> {
    let load = Load::start(postgres.through("postgres-primary").await?).await?;
    let newest = "SELECT relname FROM pg_class WHERE relname LIKE 'load%' AND relkind = 'r' ORDER BY oid DESC LIMIT 1";
    let table = postgres.ask("postgres-0", newest).await?.concat().concat();
    postgres.ask("postgres-0", &format!("DELETE FROM {table} WHERE writer = 'writer-3' AND number = 0")).await?;
    let audit = load.stop().await?;
    ensure!(audit.lost == ["writer-3/0"], "lost, it says: {:?}", audit.lost);
    Ok(())
}

async fn started(postgres: &Postgres<'_>) -> Result<String> {
    Ok(postgres.ask("postgres-0", "SELECT pg_postmaster_start_time()").await?.concat().concat())
}
