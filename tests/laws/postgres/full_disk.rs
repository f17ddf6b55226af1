//! A successor without room: a promotion creates a new file of the write-ahead log, and a server that cannot create it goes down.

use std::time::Duration;

use anyhow::{Result, ensure};
use stateful_harness::{ApiServerProxy, Context, Deployment, Engine, Load, Postgres, note, until};

use super::writes::{expect_whole, until_stopped, until_writes_flow};

/// Less than one file of the log (16 MiB), and enough for everything else.
const LEFT_KIB: u32 = 8 * 1024;

/// How much the plugin's requests and answers are delayed, so that a disk can be filled between two of its steps.
const DELAY: Duration = Duration::from_millis(50);

/// The delay while the disk is filled, which takes the time of `kubectl exec`: longer than the plugin waits for an answer.
const LONG_DELAY: Duration = Duration::from_secs(3);

/// A server that comes back, a record that arrives.
const COMES_WITHIN: Duration = Duration::from_secs(30);

/// A successor that goes down, a return to a primary that has to start, each step delayed; then the writers find it.
const WRITES_WITHIN: Duration = Duration::from_secs(20);

/// How long writers are watched once there is a primary.
const A_WHILE: Duration = Duration::from_secs(3);

pub(super) async fn a_successor_without_room_is_not_promoted_and_the_primary_stays(
    context: &mut Context,
) -> Result<()> {
    let deploy = async |namespace: &_| Postgres::deploy_on_small_disks(namespace, "15.18").await;
    let postgres = context.deploy(deploy).await?;
    ensure!(postgres.primary().await? == "postgres-0", "another member is primary from the beginning");
    let namespace = postgres.namespace();
    let plugin = context.plugin(namespace)?;
    let load = Load::start(&postgres.endpoint().await?).await?;
    let switchover = ["switchover", "postgres", "--to", "postgres-1", "-y", "--progress=json"];

    // Full beforehand: refused with the numbers, and no client waits.
    begin_a_log_file(&postgres).await?;
    fill(&postgres).await?;
    load.take_figures();
    let refused = plugin.run(&[&switchover[..], &["--step-timeout", "10s"]].concat()).await?;
    ensure!(refused.code != Some(0), "it was not refused:\n{refused}");
    for words in [" MiB are free where its log is", "needs 32 MiB there"] {
        ensure!(refused.stderr.contains(words), "\"{words}\" is not reported:\n{refused}");
    }
    let noticed = load.take_figures();
    ensure!(noticed.failed + noticed.unknown == 0, "writers noticed a refusal: {noticed:?}");
    plugin.run(&["abort", "postgres", "-y"]).await?.expect(0)?;
    empty(&postgres).await?;

    // Filled between the stop and the promotion: the old primary is primary again.
    let proxy = ApiServerProxy::start(context.cluster(), namespace).await?;
    let delayed = plugin.clone().with_kubeconfig(proxy.kubeconfig().to_owned());
    let old = postgres.connect("postgres-0").await?;
    begin_a_log_file(&postgres).await?;
    let mut running = delayed.start(&[&switchover[..], &["--step-timeout", "10s"]].concat())?;
    running.switchover_started().await?;
    proxy.delay(DELAY);
    until_stopped(&old, COMES_WITHIN).await?;
    proxy.delay(LONG_DELAY);
    fill(&postgres).await?;
    proxy.delay(DELAY);
    let ended = running.end().await?;
    note!("filled on the way: {ended}");
    ensure!(ended.code != Some(0), "it was promoted all the same:\n{ended}");
    ensure!(ended.stderr.contains("stopped when it was promoted"), "it is not reported why:\n{ended}");
    let during = until_writes_flow(&load, noticed, WRITES_WITHIN, true).await?;
    ensure!(postgres.primary().await? == "postgres-0", "the old primary is not primary");
    tokio::time::sleep(A_WHILE).await; // a writer that is still without a primary shows now
    let after = load.take_figures();
    ensure!(after.failed + after.unknown == 0, "the old primary does not take all writes: {after:?}");
    empty(&postgres).await?;

    let during = after.combine(&during);
    let waited = expect_whole("postgres-0", &postgres, load, during).await?;
    ensure!(waited <= WRITES_WITHIN, "a writer waited for {waited:?}");
    Ok(())
}

/// Makes the successor begin a file of the log: it creates no other while this law runs.
async fn begin_a_log_file(postgres: &Postgres) -> Result<()> {
    let switched = postgres.ask("postgres-0", "SELECT pg_switch_wal()").await?.concat().concat();
    let begun = format!("SELECT pg_last_wal_receive_lsn() > pg_lsn '{switched}' + 65536");
    until("the successor has begun a file of the log", COMES_WITHIN, async || {
        let answer = postgres.ask("postgres-1", &begun).await?;
        ensure!(answer == [["t"]], "{answer:?}");
        Ok(())
    })
    .await
}

/// Fills the successor's disk, except for less than a promotion needs.
async fn fill(postgres: &Postgres) -> Result<()> {
    let free = "df -Pk . | tail -n 1 | tr -s ' ' | cut -d ' ' -f 4";
    run_in_successor(postgres, &format!("free=$({free}) && fallocate -l $((free - {LEFT_KIB}))K ballast")).await
}

/// Makes room again.
async fn empty(postgres: &Postgres) -> Result<()> {
    run_in_successor(postgres, "rm ballast").await
}

async fn run_in_successor(postgres: &Postgres, script: &str) -> Result<()> {
    let script = format!("cd \"$PGDATA/..\" && {script}");
    // The successor may have gone down, and be on its way back.
    until("the successor's container runs", COMES_WITHIN, async || {
        postgres.namespace().kubectl(&["exec", "postgres-1", "--", "sh", "-c", &script]).await.map(drop)
    })
    .await
}
