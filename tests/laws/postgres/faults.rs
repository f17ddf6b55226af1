//! Members die around the moment the primary moves. In the end there is one primary that takes writes, nothing acknowledged is lost, and
//! every member holds the same: rows of a second writer would be missing somewhere.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use stateful_harness::{Context, Deployment, Engine, Load, Postgres, send_signal, until};
use tokio_postgres::Client;

use super::writes::{expect_whole, is_primary, until_writes_stall};

/// A container that ended is started again within two seconds; then its server reads its log, and the writers find it.
const WRITES_WITHIN: Duration = Duration::from_secs(15);

/// How long a promotion may take to be seen, and the end of a container.
const HAPPENS_WITHIN: Duration = Duration::from_secs(40);

pub(super) async fn a_standby_that_dies_in_the_pause_delays_no_writer(context: &mut Context) -> Result<()> {
    let postgres = context.fresh_database::<Postgres>("15.18").await?;
    let plugin = context.plugin(postgres.namespace())?;
    let bystander = postgres.connect("postgres-2").await?;
    let endpoint = postgres.endpoint().await?;
    let quiet = context.quiet().await?;
    let load = Load::start(&endpoint).await?;

    let during = load.take_figures();
    let mut running = plugin.start(&["switchover", "postgres", "--to", "postgres-1", "-y", "--progress=json"])?;
    running.switchover_started().await?;
    let during = until_writes_stall(&load, during).await?;
    crash(&bystander).await;
    running.end().await?.expect(0)?;
    until_restarted(&postgres, "postgres-2").await?;
    let waited = expect_whole("postgres-1", &postgres, load, during).await?;
    drop(quiet);
    ensure!(waited <= WRITES_WITHIN, "a writer waited for {waited:?}");
    Ok(())
}

pub(super) async fn a_successor_that_dies_right_after_its_promotion_is_primary_when_it_is_back(
    context: &mut Context,
) -> Result<()> {
    let postgres = context.fresh_database::<Postgres>("15.18").await?;
    let plugin = context.plugin(postgres.namespace())?;
    let successor = postgres.connect("postgres-1").await?;
    let endpoint = postgres.endpoint().await?;
    let quiet = context.quiet().await?;
    let load = Load::start(&endpoint).await?;

    let during = load.take_figures();
    let mut running = plugin.start(&["switchover", "postgres", "--to", "postgres-1", "-y", "--progress=json"])?;
    running.switchover_started().await?;
    until_promoted(&successor).await?;
    crash(&successor).await;
    let ended = running.end().await?;
    // Whether the plugin learnt of the promotion before the server died is a matter of a millisecond.
    if ended.code != Some(0) {
        let resume = "kubectl stateful resume postgres";
        ensure!(ended.stderr.contains(resume), "it does not report how to go on:\n{ended}");
        plugin.run(&["resume", "postgres", "-y"]).await?.expect(0)?;
    }
    until_restarted(&postgres, "postgres-1").await?;
    let waited = expect_whole("postgres-1", &postgres, load, during).await?;
    drop(quiet);
    ensure!(waited <= WRITES_WITHIN, "a writer waited for {waited:?}");
    Ok(())
}

/// Ends a server as a crash does: it writes nothing and tells nobody. It is the container's first process.
async fn crash(member: &Client) {
    send_signal(member, "QUIT", "1").await;
}

/// Waits until a member is primary. A pause is shorter than the interval of `until`.
async fn until_promoted(member: &Client) -> Result<()> {
    let began = Instant::now();
    while !is_primary(member).await? {
        ensure!(began.elapsed() < HAPPENS_WITHIN, "it was never promoted");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// Waits until a member's container has been restarted: else nothing is proven.
async fn until_restarted(postgres: &Postgres, pod: &str) -> Result<()> {
    until("its container was restarted", HAPPENS_WITHIN, async || {
        let object = postgres.namespace().get(&["pod", pod]).await.context("its pod")?;
        let restarts = &object["status"]["containerStatuses"][0]["restartCount"];
        ensure!(restarts.as_u64() > Some(0), "{pod} was restarted {restarts} times");
        Ok(())
    })
    .await
}
