//! A rollback of a minor upgrade: clients write through a primary of the old version within what the documents ask.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use stateful_harness::{Context, Deployment, Engine, Figures, Load, Postgres, note, nothing_lost, until};

use crate::every_engine::expect_version;

/// From the command to writes through the old version: what the documents ask of a rollback.
const BACK_WITHIN: Duration = Duration::from_mins(2);

/// How long writes may take to be acknowledged once the Service selects a primary.
const WRITTEN_WITHIN: Duration = Duration::from_secs(2);

pub(super) async fn a_rollback_under_load_loses_nothing_and_is_quick(context: &mut Context) -> Result<()> {
    let postgres = upgraded(context).await?;
    let plugin = context.plugin(postgres.namespace())?;
    let endpoint = postgres.endpoint().await?;
    let quiet = context.quiet().await?;
    let load = Load::start(&endpoint).await?;
    let began = Instant::now();
    let running = plugin.start(&["rollback", "postgres", "-y"])?;
    let (redirected, ended) = tokio::join!(written_through("15.18", &postgres, &load), running.end());
    let ended = ended?.expect(0)?;
    let redirected = redirected.with_context(|| ended.to_string())?;
    let during = load.take_figures().combine(&redirected.during);
    drop(quiet);
    let audit = load.stop().await?;
    let after = redirected.at.duration_since(began);
    note!("{} is written to with 15.18 {after:?} after `rollback`, which took {:?}", redirected.primary, ended.took);
    note!("{during:?}\n{}", audit.errors.join("\n"));
    nothing_lost(&audit)?;
    Postgres::WRITES.judge_gap(&during, &during)?;
    ensure!(after <= BACK_WITHIN, "the rollback took {after:?}");
    expect_version(&postgres, "15.18").await
}

/// A database that was upgraded from 15.18 to 15.20: by the law before, or now.
async fn upgraded(context: &mut Context) -> Result<Postgres> {
    if let Some(postgres) = context.left_by_the_law_before::<Postgres>("15.20").await {
        return Ok(postgres);
    }
    let postgres = context.database::<Postgres>("15.18").await?;
    let plugin = context.plugin(postgres.namespace())?;
    plugin.run(&["upgrade", "postgres", "--version", "15.20", "-y"]).await?.expect(0)?;
    Ok(postgres)
}

/// A primary that clients write through.
struct Redirected {
    primary: String,
    at: Instant,
    /// The figures until then.
    during: Figures,
}

/// Waits until clients write through a primary that runs a version.
async fn written_through(version: &str, postgres: &Postgres, load: &Load) -> Result<Redirected> {
    let mut during = Figures::default();
    let (primary, at) = until("clients write through that version", BACK_WITHIN, async || {
        during = load.take_figures().combine(&during);
        let primary = postgres.primary().await?;
        let reported = postgres.server_version(&primary).await?;
        ensure!(reported.starts_with(version), "{primary} is primary, and reports {reported}");
        ensure!(postgres.selected_by_service().await? == primary, "the Service does not select {primary}");
        // What is acknowledged from here on, this primary has acknowledged.
        during = load.take_figures().combine(&during);
        let figures = next_acknowledged(load).await?;
        during = figures.combine(&during);
        Ok((primary, Instant::now()))
    })
    .await?;
    Ok(Redirected { primary, at, during })
}

/// Waits for the next acknowledged write.
async fn next_acknowledged(load: &Load) -> Result<Figures> {
    let began = Instant::now();
    let mut during = load.take_figures();
    while during.acknowledged == 0 {
        ensure!(began.elapsed() < WRITTEN_WITHIN, "none was acknowledged for {WRITTEN_WITHIN:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
        during = load.take_figures().combine(&during);
    }
    Ok(during)
}
