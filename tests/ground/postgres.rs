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

/// Who leads, since nobody hands over here.
const PRIMARY: &str = "postgres-0";

/// The load's.
const WRITERS: usize = 8;

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

async fn nothing_happens(postgres: &Postgres, service: &str) -> Result<()> {
    let load = Load::start(&postgres.endpoint(service).await?).await?;
    // Not to wait for something: this is the time in which nothing happens.
    sleep(A_WHILE).await;
    let during = load.take_figures();
    let audit = load.stop().await?;
    eprintln!("{service}, nothing happens: {during:?}");
    nothing_failed(&during, &audit)
}

/// A crash, not a goodbye, while each writer has a statement under way: nobody says what became of them.
async fn the_primary_crashes(postgres: &Postgres, service: &str) -> Result<()> {
    let load = Load::start(&postgres.endpoint(service).await?).await?;
    let before = started(postgres).await?;
    let lock = format!("BEGIN; LOCK TABLE {}; SELECT pg_sleep(60)", table(postgres).await?);
    // The lock's own connection dies with the server: what it has to say is of no interest.
    let (_, crashed) = tokio::join!(postgres.ask(PRIMARY, &lock), crash(postgres));
    crashed?;
    until("the primary has started again", RESTARTED_WITHIN, async || {
        ensure!(started(postgres).await? != before, "it has not");
        Ok(())
    })
    .await?;
    postgres.in_sync(RESTARTED_WITHIN).await?;
    let during = load.take_figures();
    let audit = load.stop().await?;
    eprintln!("{service}, the primary crashes: {during:?}");
    ensure!(during.unknown >= WRITERS, "{} statements were under way, and {} are unknown", WRITERS, during.unknown);
    nothing_lost(&audit)
}

async fn crash(postgres: &Postgres) -> Result<()> {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    until("every writer has a statement under way", RESTARTED_WITHIN, async || {
        let waiting: usize = postgres.ask(PRIMARY, waiting).await?.concat().concat().parse()?;
        ensure!(waiting == WRITERS, "{waiting} have");
        Ok(())
    })
    .await?;
    postgres.namespace().kubectl(&["exec", PRIMARY, "--", "sh", "-c", "kill -QUIT 1"]).await.map(drop)
}

/// Behind the load's back, as a lost write would be.
async fn a_row_goes(postgres: &Postgres) -> Result<()> {
    let load = Load::start(&postgres.endpoint("postgres-primary").await?).await?;
    let table = table(postgres).await?;
    postgres.ask(PRIMARY, &format!("DELETE FROM {table} WHERE writer = 'writer-3' AND number = 0")).await?;
    let audit = load.stop().await?;
    ensure!(audit.lost == ["writer-3/0"], "lost, it says: {:?}", audit.lost);
    Ok(())
}

/// Where the newest load writes.
async fn table(postgres: &Postgres) -> Result<String> {
    let newest = "SELECT relname FROM pg_class WHERE relname LIKE 'load%' AND relkind = 'r' ORDER BY oid DESC LIMIT 1";
    Ok(postgres.ask(PRIMARY, newest).await?.concat().concat())
}

async fn started(postgres: &Postgres) -> Result<String> {
    Ok(postgres.ask(PRIMARY, "SELECT pg_postmaster_start_time()").await?.concat().concat())
}
