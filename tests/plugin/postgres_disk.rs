//! PostgreSQL, and a successor without room: a promotion makes a new file of the log, and a server that cannot make it goes down.

use std::time::Duration;

use anyhow::{Result, ensure};
use stateful_harness::{ApiServerProxy, Cluster, Figures, Load, Plugin, Postgres, until};

use crate::api_server_gone::stops;
use crate::postgres::handing_over;
use crate::postgres_faults::whole_in_the_end;

/// Less than one file of the log (16 MiB), and enough for all that is not one.
const LEFT_KIB: u32 = 8 * 1024;

/// How much later everything arrives that the plugin sends or hears: a disk can then be filled between two of its steps.
const SLOWER: Duration = Duration::from_millis(50);

/// The same while the disk is filled, which takes a container's time to start a program: longer than any question is waited for.
const MUCH_SLOWER: Duration = Duration::from_secs(3);

/// A server that comes back, a record that arrives.
const COMES_WITHIN: Duration = Duration::from_secs(30);

/// A successor that goes down, the role given back to a server that has to start, each order later; then the writers find it.
const WRITES_WITHIN: Duration = Duration::from_secs(20);

/// How long writers are watched once somebody leads.
const A_WHILE: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_successor_without_room_never_leads_and_the_old_primary_writes_on() -> Result<()> {
    let cluster = Cluster::beside_others().await?;
    let namespace = cluster.namespace("law-fault-disk").await?;
    let postgres = Postgres::deploy_on_small_disks(&namespace, "15.18").await?;
    ensure!(postgres.primary().await? == "postgres-0", "another leads from the beginning");
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let load = Load::start(&postgres.endpoint("postgres-primary").await?).await?;
    let switchover = ["switchover", "postgres", "--to", "postgres-1", "-y", "--progress=json"];

    // Full beforehand: refused with the numbers, and nobody waits.
    has_begun_a_file(&postgres).await?;
    fill(&postgres).await?;
    load.take_figures();
    let refused = plugin.run(&[&switchover[..], &["--step-timeout", "10s"]].concat()).await?;
    ensure!(refused.code != Some(0), "it was not refused:\n{refused}");
    for word in [" MiB are free where its log is", "needs 32 MiB there"] {
        ensure!(refused.stderr.contains(word), "\"{word}\" is not said:\n{refused}");
    }
    let noticed = load.take_figures();
    ensure!(noticed.failed + noticed.unknown == 0, "a refusal was noticed: {noticed:?}");
    plugin.run(&["abort", "postgres", "-y"]).await?.expect(0)?;
    empty(&postgres).await?;

    // Filled between the stop and the promotion: the role is given back.
    let gateway = ApiServerProxy::start(&cluster, &namespace).await?;
    let slow = plugin.clone().with_kubeconfig(gateway.kubeconfig().to_owned());
    let old = postgres.connect("postgres-0").await?;
    has_begun_a_file(&postgres).await?;
    let mut running = slow.start(&[&switchover[..], &["--step-timeout", "10s"]].concat())?;
    handing_over(&mut running).await?;
    gateway.delay(SLOWER);
    stops(&old).await?;
    gateway.delay(MUCH_SLOWER);
    fill(&postgres).await?;
    gateway.delay(SLOWER);
    let ended = running.end().await?;
    eprintln!("filled on the way: {ended}");
    ensure!(ended.code != Some(0), "it led all the same:\n{ended}");
    ensure!(ended.stderr.contains("went down when it was told to lead"), "it is not said why:\n{ended}");
    let during = written_again(&load, noticed).await?;
    ensure!(postgres.primary().await? == "postgres-0", "the old primary does not lead");
    tokio::time::sleep(A_WHILE).await; // whoever was left with nobody would show now
    let after = load.take_figures();
    ensure!(after.failed + after.unknown == 0, "the old primary does not take all writes: {after:?}");
    empty(&postgres).await?;

    let during = after.combine(&during);
    let waited = whole_in_the_end("postgres-0", &postgres, load, during).await?;
    ensure!(waited <= WRITES_WITHIN, "a writer waited for {waited:?}");
    Ok(())
}

/// Has the successor begin a file of the log: it makes no other one while it is watched.
async fn has_begun_a_file(postgres: &Postgres) -> Result<()> {
    let switched = postgres.ask("postgres-0", "SELECT pg_switch_wal()").await?.concat().concat();
    let begun = format!("SELECT pg_last_wal_receive_lsn() > pg_lsn '{switched}' + 65536");
    until("the successor has begun a file of the log", COMES_WITHIN, async || {
        let told = postgres.ask("postgres-1", &begun).await?;
        ensure!(told == [["t"]], "{told:?}");
        Ok(())
    })
    .await
}

/// Fills the successor's disk, but for less than a promotion needs.
async fn fill(postgres: &Postgres) -> Result<()> {
    let free = "df -Pk . | tail -n 1 | tr -s ' ' | cut -d ' ' -f 4";
    in_the_successor(postgres, &format!("free=$({free}) && fallocate -l $((free - {LEFT_KIB}))K ballast")).await
}

/// Makes room again.
async fn empty(postgres: &Postgres) -> Result<()> {
    in_the_successor(postgres, "rm ballast").await
}

async fn in_the_successor(postgres: &Postgres, script: &str) -> Result<()> {
    let script = format!("cd \"$PGDATA/..\" && {script}");
    // It may have gone down, and be on its way back.
    until("the successor's container runs", COMES_WITHIN, async || {
        postgres.namespace().kubectl(&["exec", "postgres-1", "--", "sh", "-c", &script]).await.map(drop)
    })
    .await
}

/// Waits for acknowledged writes.
async fn written_again(load: &Load, before: Figures) -> Result<Figures> {
    let mut during = before;
    until("writes flow", WRITES_WITHIN, async || {
        let page = load.take_figures();
        during = page.clone().combine(&during);
        ensure!(page.acknowledged > 0 && page.failed + page.unknown == 0, "they do not: {page:?}");
        Ok(())
    })
    .await?;
    Ok(during)
}
