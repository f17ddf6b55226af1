//! The API server goes away from the plugin in the middle of a switchover of PostgreSQL behind `PgBouncer`, and with it every way to the
//! servers and the poolers, since the plugin's port-forwards lead through it. When it is back one member becomes primary, and clients
//! continue.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use stateful_harness::{ApiServerProxy, Context, Deployment, PooledPostgres, is_paused, note};
use tokio_postgres::Client;

use super::writes::{expect_whole, is_primary, until_stopped, until_writes_flow};

/// How much the plugin's requests and answers are delayed in a switchover, so that two of its steps can be told apart from outside.
const DELAY: Duration = Duration::from_millis(50);

/// How long the API server is away: the operation lock has expired by then (10 s), and clients still wait (20 s at most).
const AWAY: Duration = Duration::from_secs(15);

/// How long it is away at most: nothing waits so long for a client, or for a primary.
const AWAY_FOR_LONG: Duration = Duration::from_secs(140);

/// How long writers are watched once all is over.
const A_WHILE: Duration = Duration::from_secs(3);

/// A switchover whose hundred messages of preparation are each delayed.
const COMES_WITHIN: Duration = Duration::from_secs(30);

/// From its return until a write is acknowledged: an observation, a promotion, a new connection; or the ten seconds after which it is known
/// that a server which is still primary was not told to stop.
const WRITES_WITHIN: Duration = Duration::from_secs(20);

pub(super) async fn an_api_server_that_goes_while_there_is_no_primary_is_waited_for(
    context: &mut Context,
) -> Result<()> {
    goes_while_there_is_no_primary(context, ApiServerProxy::close, AWAY).await
}

pub(super) async fn an_api_server_that_falls_silent_while_there_is_no_primary_is_waited_for(
    context: &mut Context,
) -> Result<()> {
    goes_while_there_is_no_primary(context, ApiServerProxy::swallow, AWAY).await
}

/// By then the connections to the servers are given up, whatever was sent on them.
pub(super) async fn an_api_server_that_is_silent_for_longer_than_an_answer_is_waited_for_leaves_one_primary(
    context: &mut Context,
) -> Result<()> {
    goes_while_there_is_no_primary(context, ApiServerProxy::swallow, AWAY_FOR_LONG).await
}

/// By then the switchover has given up waiting, and so have the clients; the operation has not.
pub(super) async fn an_api_server_that_is_away_for_longer_than_a_switchover_waits_leaves_one_primary(
    context: &mut Context,
) -> Result<()> {
    goes_while_there_is_no_primary(context, ApiServerProxy::close, AWAY_FOR_LONG).await
}

async fn goes_while_there_is_no_primary(
    context: &mut Context,
    go: impl Fn(&ApiServerProxy),
    away: Duration,
) -> Result<()> {
    let database = context.database::<PooledPostgres>("15.18").await?;
    let plugin = context.plugin(database.namespace())?;
    let proxy = ApiServerProxy::start(context.cluster(), database.namespace()).await?;
    let plugin = plugin.with_kubeconfig(proxy.kubeconfig().to_owned());
    let (from, to) = (database.primary().await?, stateful_harness::Primaries::replica(&*database).await?);
    let (old, new) = (database.connect(&from).await?, database.connect(&to).await?);
    let quiet = context.quiet().await?;
    let load = database.start_load().await?;

    let mut running = plugin.start(&["switchover", "postgres", "--to", &to, "-y", "--progress=json"])?;
    running.switchover_started().await?;
    proxy.delay(DELAY);
    until_stopped(&old, COMES_WITHIN).await?;
    go(&proxy);
    let went = Instant::now();
    let before = load.take_figures();
    while went.elapsed() < away {
        ensure!(!is_primary(&new).await?, "it was promoted before the API server went");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    proxy.reopen();
    let back = Instant::now();
    let during = until_writes_flow(&load, before, WRITES_WITHIN, false).await?;
    note!("written again {:?} after the API server was back", back.elapsed());
    note!("{}", running.end().await?.expect(0)?);
    let during = load.take_figures().combine(&during);
    tokio::time::sleep(A_WHILE).await; // a writer that is left with the old primary shows now
    let after = load.take_figures();
    ensure!(after.failed + after.unknown == 0, "clients are not led to the primary: {after:?}");
    database.expect_not_paused().await?;
    let waited = expect_whole(&to, &database, load, after.combine(&during)).await?;
    drop(quiet);
    note!("away for {away:?}, a writer waited for {waited:?}");
    Ok(())
}

pub(super) async fn an_api_server_that_goes_before_the_primary_is_stopped_leaves_it_primary(
    context: &mut Context,
) -> Result<()> {
    let database = context.database::<PooledPostgres>("15.18").await?;
    let plugin = context.plugin(database.namespace())?;
    let proxy = ApiServerProxy::start(context.cluster(), database.namespace()).await?;
    let plugin = plugin.with_kubeconfig(proxy.kubeconfig().to_owned());
    let (from, to) = (database.primary().await?, stateful_harness::Primaries::replica(&*database).await?);
    let consoles = database.consoles().await?;
    let quiet = context.quiet().await?;
    let load = database.start_load().await?;

    let mut running = plugin.start(&["switchover", "postgres", "--to", &to, "-y", "--progress=json"])?;
    running.switchover_started().await?;
    proxy.delay(DELAY);
    until_paused(&consoles).await?;
    proxy.close();
    let before = load.take_figures();
    tokio::time::sleep(AWAY).await; // it is away for so long
    ensure!(database.primary().await? == from, "it was stopped before the API server went");
    proxy.reopen();
    // The poolers are resumed one after the other: until both are, a client of the second may give up while those of the first write.
    until_resumed(&consoles).await?;
    let during = until_writes_flow(&load, before, WRITES_WITHIN, true).await?;
    load.take_figures();
    // What was called off is tried again, once it is known how it ended.
    note!("{}", running.end().await?.expect(0)?);
    database.expect_not_paused().await?;
    let after = load.take_figures();
    ensure!(after.failed + after.unknown == 0, "writers noticed the second switchover: {after:?}");
    let waited = expect_whole(&to, &database, load, after.combine(&during)).await?;
    drop(quiet);
    note!("away for {AWAY:?}, a writer waited for {waited:?}");
    Ok(())
}

/// Waits until every pooler is paused.
async fn until_paused(consoles: &[Client]) -> Result<()> {
    until_all(consoles, true).await.context("no pooler was ever paused")
}

/// Waits until no pooler is paused any more.
async fn until_resumed(consoles: &[Client]) -> Result<()> {
    until_all(consoles, false).await.context("a pooler was never resumed")
}

async fn until_all(consoles: &[Client], paused: bool) -> Result<()> {
    let began = Instant::now();
    for console in consoles {
        while is_paused(console).await? != paused {
            ensure!(began.elapsed() < COMES_WITHIN, "after {COMES_WITHIN:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    Ok(())
}
