//! The API server goes away from the plugin in the middle of a handover of PostgreSQL behind `PgBouncer`, and with it every way
//! to the servers and to the poolers: the plugin's tunnels lead through it. Who leads is known when it is back, and clients go on.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use stateful_harness::{ApiServerProxy, Cluster, Figures, Load, until};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::pooler::{client, deployed, load, nobody_waits, poolers};
use crate::postgres::handing_over;
use crate::postgres_faults::whole_in_the_end;

/// How much later everything arrives that the plugin sends or hears in a handover: what lies a round trip apart can then be
/// told apart from outside.
const SLOWER: Duration = Duration::from_millis(50);

/// How long the API server is away at most: nobody waits for a client, or for who leads, for so long.
const AWAY_FOR_LONG: Duration = Duration::from_secs(140);

/// How long the API server is away: the claim has run out by then (10 s), and clients still wait (20 s at most).
const AWAY: Duration = Duration::from_secs(15);

/// How long writers are watched once all is over.
const A_WHILE: Duration = Duration::from_secs(3);

/// A handover that takes its time in preparing: a hundred messages, each later.
const COMES_WITHIN: Duration = Duration::from_secs(30);

/// From its return until somebody's write is acknowledged: a look, a promotion, a way that opens; or the ten seconds after
/// which a server that leads still is known not to have been told to stop.
const WRITES_WITHIN: Duration = Duration::from_secs(20);

#[tokio::test]
async fn an_api_server_that_goes_when_nobody_leads_is_waited_for_and_the_successor_leads() -> Result<()> {
    goes_when_nobody_leads("law-api-nobody-leads", ApiServerProxy::close, AWAY).await
}

#[tokio::test]
#[ignore = "a minute: `make faults`"]
async fn an_api_server_that_falls_silent_when_nobody_leads_is_waited_for_and_the_successor_leads() -> Result<()> {
    goes_when_nobody_leads("law-api-silent", ApiServerProxy::swallow, AWAY).await
}

/// The ways to the servers are given up by then, whatever was sent on them.
#[tokio::test]
#[ignore = "four minutes: `make faults`"]
async fn an_api_server_that_is_silent_for_longer_than_an_answer_is_waited_for_leaves_one_primary_and_no_client_waiting()
-> Result<()> {
    goes_when_nobody_leads("law-api-silent-for-long", ApiServerProxy::swallow, AWAY_FOR_LONG).await
}

/// The handover has given up waiting by then, and so have the clients; the operation has not.
#[tokio::test]
#[ignore = "four minutes: `make faults`"]
async fn an_api_server_that_is_away_for_longer_than_a_handover_waits_leaves_one_primary_and_no_client_waiting()
-> Result<()> {
    goes_when_nobody_leads("law-api-away-for-long", ApiServerProxy::close, AWAY_FOR_LONG).await
}

async fn goes_when_nobody_leads(word: &str, goes: impl Fn(&ApiServerProxy), away: Duration) -> Result<()> {
    let cluster = Cluster::alone().await?;
    let namespace = cluster.namespace(word).await?;
    let (postgres, plugin) = deployed(&cluster, &namespace).await?;
    let gateway = ApiServerProxy::start(&cluster, &namespace).await?;
    let plugin = plugin.with_kubeconfig(gateway.kubeconfig().to_owned());
    let (old, new) = (postgres.connect("postgres-0").await?, postgres.connect("postgres-1").await?);
    let load = load(&postgres).await?;

    let switchover = ["switchover", "postgres", "--to", "postgres-1", "-y", "--progress=json"];
    let mut running = plugin.start(&switchover)?;
    handing_over(&mut running).await?;
    gateway.delay(SLOWER);
    stops(&old).await?;
    goes(&gateway);
    let closed = Instant::now();
    let before = load.take_figures();
    while closed.elapsed() < away {
        ensure!(!leads(&new).await?, "it was promoted before the API server went");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    gateway.reopen();
    let during = written_again(&load, before).await?;
    eprintln!("{}", running.end().await?.expect(0)?);
    let during = load.take_figures().combine(&during);
    tokio::time::sleep(A_WHILE).await; // whoever was left with the old primary would show now
    let after = load.take_figures();
    ensure!(after.failed + after.unknown == 0, "clients are not led to whoever leads: {after:?}");
    let during = after.combine(&during);
    nobody_waits(&namespace).await?;
    let waited = whole_in_the_end("postgres-1", &postgres, load, during).await?;
    eprintln!("away for {away:?}, a writer waited for {waited:?}");
    Ok(())
}

#[tokio::test]
async fn an_api_server_that_goes_when_clients_wait_and_nobody_was_stopped_leaves_the_old_primary_writing() -> Result<()>
{
    let cluster = Cluster::alone().await?;
    let namespace = cluster.namespace("law-api-clients-wait").await?;
    let (postgres, plugin) = deployed(&cluster, &namespace).await?;
    let gateway = ApiServerProxy::start(&cluster, &namespace).await?;
    let plugin = plugin.with_kubeconfig(gateway.kubeconfig().to_owned());
    let mut consoles = Vec::new();
    for address in poolers(&namespace).await? {
        consoles.push(client(&namespace, &address, "pgbouncer", ("pgbouncer", "admin-password")).await?);
    }
    let load = load(&postgres).await?;

    let switchover = ["switchover", "postgres", "--to", "postgres-1", "-y", "--progress=json"];
    let mut running = plugin.start(&switchover)?;
    handing_over(&mut running).await?;
    gateway.delay(SLOWER);
    are_paused(&consoles).await?;
    gateway.close();
    let before = load.take_figures();
    tokio::time::sleep(AWAY).await; // it is away for so long: nothing is waited for
    ensure!(postgres.primary().await? == "postgres-0", "it was stopped before the API server went");
    gateway.reopen();
    let during = written_again(&load, before).await?;
    load.take_figures();
    // What was called off is asked for again, once it is known how it ended.
    eprintln!("{}", running.end().await?.expect(0)?);
    nobody_waits(&namespace).await?;
    let after = load.take_figures();
    ensure!(after.failed + after.unknown == 0, "the handover that was asked for again was noticed: {after:?}");
    let during = after.combine(&during);
    let waited = whole_in_the_end("postgres-1", &postgres, load, during).await?;
    eprintln!("away for {AWAY:?}, a writer waited for {waited:?}");
    Ok(())
}

/// Waits until a server ends its sessions: a fast stop has begun, and the fence was on its disk before.
pub(crate) async fn stops(server: &Client) -> Result<()> {
    let began = Instant::now();
    while server.simple_query("SELECT 1").await.is_ok() {
        ensure!(began.elapsed() < COMES_WITHIN, "it was never stopped");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// Waits until clients of every pooler wait.
async fn are_paused(consoles: &[Client]) -> Result<()> {
    let began = Instant::now();
    for console in consoles {
        loop {
            let told = console.simple_query("SHOW DATABASES").await?;
            let paused = |word: &SimpleQueryMessage| matches!(word, SimpleQueryMessage::Row(row) if row.get("paused") == Some("1"));
            if told.iter().any(paused) {
                break;
            }
            ensure!(began.elapsed() < COMES_WITHIN, "nobody was ever paused");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    Ok(())
}

async fn leads(server: &Client) -> Result<bool> {
    let told = server.simple_query("SELECT pg_is_in_recovery()").await?;
    Ok(told.iter().any(|word| matches!(word, SimpleQueryMessage::Row(row) if row.get(0) == Some("f"))))
}

/// Waits for an acknowledged write, and says how long it took since now.
async fn written_again(load: &Load, before: Figures) -> Result<Figures> {
    let began = Instant::now();
    let mut during = load.take_figures().combine(&before);
    until("writes flow", WRITES_WITHIN, async || {
        let page = load.take_figures();
        during = page.clone().combine(&during);
        ensure!(page.acknowledged > 0, "none is acknowledged");
        Ok(())
    })
    .await?;
    eprintln!("written again {:?} after the API server was back", began.elapsed());
    Ok(during)
}
