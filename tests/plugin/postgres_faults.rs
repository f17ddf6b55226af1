//! PostgreSQL, and what goes wrong around the moment its role moves. Whatever it is: in the end one leads and takes writes,
//! nothing acknowledged is lost, and every member holds the same. A second writer's rows would be missing somewhere.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use stateful_harness::{Cluster, Figures, Load, Namespace, Plugin, Postgres, nothing_lost, until};
use tokio::time::timeout;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::deaths::die_at_each_step;
use crate::postgres::{all_run, clients_reach_the_primary, handing_over, told, writes_fail};

/// After a restart kubelet waits 10 s before the next one of the same container.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

/// A container that ended is started again within two seconds; then its server reads its log, and the writers find it.
const WRITES_WITHIN: Duration = Duration::from_secs(15);

/// How long somebody may take to die, to lag, or to be refused.
const HAPPENS_WITHIN: Duration = Duration::from_secs(40);

/// Three members are replaced, one hands over, and three steps are about the StatefulSet. That clients are led on is done with the
/// handover.
const STEPS: usize = 7;

#[tokio::test]
#[ignore = "two minutes: `make faults`"]
async fn killed_at_each_step_of_an_upgrade_of_postgres_resume_finishes_and_loses_nothing() -> Result<()> {
    let cluster = Cluster::beside_others().await?;
    let namespace = cluster.namespace("law-fault-killed").await?;
    let (postgres, plugin) = deployed(&cluster, &namespace).await?;
    let load = Load::start(&postgres.endpoint("postgres-primary").await?).await?;
    die_at_each_step(&plugin, &["upgrade", "postgres", "--version", "15.20"], &["resume", "postgres"], STEPS).await?;
    let during = load.take_figures();
    all_run(&postgres, "15.20").await?;
    // How long it took is up to whoever takes it up again.
    let leader = postgres.primary().await?;
    whole_in_the_end(&leader, &postgres, load, during).await.map(drop)
}

#[tokio::test]
async fn a_standby_that_dies_in_the_pause_holds_nobody_up() -> Result<()> {
    let cluster = Cluster::alone().await?;
    let namespace = cluster.namespace("law-fault-standby").await?;
    let (postgres, plugin) = deployed(&cluster, &namespace).await?;
    let bystander = postgres.connect("postgres-2").await?;
    let load = Load::start(&postgres.endpoint("postgres-primary").await?).await?;

    let during = load.take_figures();
    let mut running = plugin.start(&["switchover", "postgres", "--to", "postgres-1", "-y", "--progress=json"])?;
    handing_over(&mut running).await?;
    let during = writes_fail(&load, during).await?;
    crash(&bystander).await;
    running.end().await?.expect(0)?;
    has_died(&postgres, "postgres-2").await?;
    led_in_the_end_by("postgres-1", &postgres, load, during).await
}

#[tokio::test]
async fn a_successor_that_dies_right_after_its_promotion_leads_on_when_it_is_back() -> Result<()> {
    let cluster = Cluster::alone().await?;
    let namespace = cluster.namespace("law-fault-successor").await?;
    let (postgres, plugin) = deployed(&cluster, &namespace).await?;
    let successor = postgres.connect("postgres-1").await?;
    let load = Load::start(&postgres.endpoint("postgres-primary").await?).await?;

    let during = load.take_figures();
    let mut running = plugin.start(&["switchover", "postgres", "--to", "postgres-1", "-y", "--progress=json"])?;
    handing_over(&mut running).await?;
    leads(&successor).await?;
    crash(&successor).await;
    let ended = running.end().await?;
    // Whether the handover was heard of before its server died is a matter of a millisecond.
    if ended.code != Some(0) {
        ensure!(ended.stderr.contains("kubectl stateful resume postgres"), "it does not say how to go on:\n{ended}");
        plugin.run(&["resume", "postgres", "-y"]).await?.expect(0)?;
    }
    has_died(&postgres, "postgres-1").await?;
    led_in_the_end_by("postgres-1", &postgres, load, during).await
}

/// Somebody's minute of work is not ended for a switchover that could wait.
#[tokio::test]
async fn a_long_transaction_is_waited_for_and_not_ended() -> Result<()> {
    let cluster = Cluster::beside_others().await?;
    let namespace = cluster.namespace("law-fault-transaction").await?;
    let (postgres, plugin) = deployed(&cluster, &namespace).await?;
    let busy = postgres.connect("postgres-0").await?;
    busy.batch_execute("CREATE TABLE kept (word text); BEGIN; INSERT INTO kept VALUES ('a minute of work')").await?;
    let load = Load::start(&postgres.endpoint("postgres-primary").await?).await?;

    let during = load.take_figures();
    let switchover = ["switchover", "postgres", "--to", "postgres-1", "-y", "--step-timeout", "10s"];
    let open = "SELECT count(*) FROM pg_stat_activity \
                WHERE state = 'idle in transaction' AND xact_start < clock_timestamp() - interval '4 seconds'";
    until("the transaction is a long one", HAPPENS_WITHIN, async || {
        let told = postgres.ask("postgres-0", open).await?;
        ensure!(told == [["1"]], "{told:?}");
        Ok(())
    })
    .await?;
    let refused = plugin.run(&switchover).await?;
    ensure!(refused.code != Some(0) && refused.stderr.contains("a transaction has been open"), "{refused}");
    ensure!(postgres.primary().await? == "postgres-0", "the role moved:\n{refused}");
    busy.batch_execute("COMMIT").await.context("the transaction was cut off")?;

    plugin.run(&switchover).await?.expect(0)?;
    let kept = postgres.ask("postgres-1", "SELECT word FROM kept").await?;
    ensure!(kept == [["a minute of work"]], "it is {kept:?}");
    led_in_the_end_by("postgres-1", &postgres, load, during).await
}

/// Its receiver stands still: it has what it had, and falls behind with every write.
#[tokio::test]
async fn a_successor_that_lags_does_not_lead_until_it_has_caught_up() -> Result<()> {
    let cluster = Cluster::beside_others().await?;
    let namespace = cluster.namespace("law-fault-lag").await?;
    let (postgres, plugin) = deployed(&cluster, &namespace).await?;
    let successor = postgres.connect("postgres-1").await?;
    let receiver = postgres.ask("postgres-1", "SELECT pid FROM pg_stat_wal_receiver").await?.concat().concat();
    let load = Load::start(&postgres.endpoint("postgres-primary").await?).await?;

    let during = load.take_figures();
    signal(&successor, "STOP", &receiver).await;
    let switchover = ["switchover", "postgres", "--to", "postgres-1", "-y", "--step-timeout", "10s"];
    let near = "SELECT count(*) FROM pg_stat_replication WHERE application_name = 'postgres-1' \
                AND pg_wal_lsn_diff(pg_current_wal_flush_lsn(), flush_lsn) < 2000000";
    let refused: Result<()> = async {
        until("it lags", HAPPENS_WITHIN, async || {
            let told = postgres.ask("postgres-0", near).await?;
            ensure!(told == [["0"]], "{told:?}");
            Ok(())
        })
        .await?;
        let refused = plugin.run(&switchover).await?;
        eprintln!("{}", refused.stderr);
        ensure!(matches!(refused.code, Some(3 | 4)), "{refused}");
        ensure!(postgres.primary().await? == "postgres-0", "the role moved:\n{refused}");
        Ok(())
    }
    .await;
    signal(&successor, "CONT", &receiver).await;
    refused?;

    postgres.in_sync(SETTLED_WITHIN).await?;
    plugin.run(&switchover).await?.expect(0)?;
    led_in_the_end_by("postgres-1", &postgres, load, during).await
}

async fn deployed<'a>(cluster: &Cluster, namespace: &'a Namespace) -> Result<(Postgres, Plugin)> {
    let postgres = Postgres::deploy(namespace, "15.18").await?;
    ensure!(postgres.primary().await? == "postgres-0", "another leads from the beginning");
    Ok((postgres, Plugin::find(cluster)?.within(namespace)))
}

/// Sends a signal from inside a member's container. What it ends cannot answer.
pub(crate) async fn signal(member: &Client, signal: &str, process: &str) {
    let order = format!("COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; kill -{signal} {process}'");
    drop(timeout(Duration::from_secs(2), member.simple_query(&order)).await);
}

/// Ends a server as a machine that dies does: nothing is written, nobody is told. It is the container's first process.
async fn crash(member: &Client) {
    signal(member, "QUIT", "1").await;
}

/// Waits until a member is no standby. A pause is shorter than `until` waits.
async fn leads(member: &Client) -> Result<()> {
    let began = Instant::now();
    loop {
        let told = member.simple_query("SELECT pg_is_in_recovery()").await?;
        let leads = |word: &SimpleQueryMessage| matches!(word, SimpleQueryMessage::Row(row) if row.get(0) == Some("f"));
        if told.iter().any(leads) {
            return Ok(());
        }
        ensure!(began.elapsed() < HAPPENS_WITHIN, "it was never promoted");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Makes sure that a member's container ended at all: else nothing is proven.
async fn has_died(postgres: &Postgres, pod: &str) -> Result<()> {
    until("its container has ended once", HAPPENS_WITHIN, async || {
        let told = postgres.namespace().get(&["pod", pod]).await?;
        let restarts = &told["status"]["containerStatuses"][0]["restartCount"];
        ensure!(restarts.as_u64() > Some(0), "{pod} was restarted {restarts} times");
        Ok(())
    })
    .await
}

async fn led_in_the_end_by(leader: &str, postgres: &Postgres, load: Load, during: Figures) -> Result<()> {
    let gap = whole_in_the_end(leader, postgres, load, during).await?;
    ensure!(gap <= WRITES_WITHIN, "a writer waited for {gap:?}");
    Ok(())
}

/// Who leads, whom clients reach, and that every member holds what was acknowledged. How long a writer waited at most.
pub(crate) async fn whole_in_the_end(
    leader: &str,
    postgres: &Postgres,
    load: Load,
    during: Figures,
) -> Result<Duration> {
    postgres.in_sync(SETTLED_WITHIN).await?;
    ensure!(postgres.primary().await? == leader, "{leader} does not lead");
    clients_reach_the_primary(postgres).await?;
    let during = load.take_figures().combine(&during);
    let audit = load.stop().await?;
    told(leader, &during, &audit.errors);
    nothing_lost(&audit)?;
    everybody_holds_the_same(postgres).await?;
    Ok(during.longest_gap)
}

/// Every row of the load's, on every member.
async fn everybody_holds_the_same(postgres: &Postgres) -> Result<()> {
    let tables = "SELECT relname FROM pg_stat_user_tables WHERE relname LIKE 'load%'";
    let table = postgres.ask(&postgres.primary().await?, tables).await?.concat().concat();
    let sum =
        format!("SELECT count(*), md5(string_agg(writer || '/' || number, ',' ORDER BY writer, number)) FROM {table}");
    until("everybody holds the same", SETTLED_WITHIN, async || {
        let mut held = BTreeSet::new();
        for pod in postgres.pods().await? {
            held.insert(postgres.ask(&pod.name, &sum).await?);
        }
        ensure!(held.len() == 1, "{held:?}");
        Ok(())
    })
    .await
}
