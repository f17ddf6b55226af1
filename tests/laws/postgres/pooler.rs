//! Clients behind `PgBouncer` wait while the primary moves, and never notice more than that. How long they wait is noted: most of it is
//! until each node's kube-proxy has followed the Service, which takes up to seconds on a busy machine of two cores.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use stateful_harness::{
    Context, Deployment, PausedKubeProxy, PooledPostgres, note, nothing_failed, nothing_lost, until,
};

/// A pause that is called off waits for transactions for two seconds; the rest is the plugin's own beginning and end.
const CALLED_OFF: Duration = Duration::from_secs(4);

/// The watchdog's second round comes a second after its first.
const RESUMED_WITHIN: Duration = Duration::from_secs(10);

/// How late a kube-proxy may be that has just followed another change (`minSyncPeriod` is a second), less what kubectl takes to report.
const LATE_BY: Duration = Duration::from_millis(700);

/// Long enough for writers to show what they see with nothing happening, and for what was left behind to show.
const A_WHILE: Duration = Duration::from_secs(3);

/// How long the Service may take to select the new primary.
const SELECTED_WITHIN: Duration = Duration::from_secs(30);

/// The operation lock of a plugin that was killed expires after ten seconds.
const LOCK_EXPIRES_WITHIN: Duration = Duration::from_secs(30);

/// How long the poolers may take to pause.
const PAUSED_WITHIN: Duration = Duration::from_secs(10);

pub(super) async fn a_switchover_behind_a_pooler_fails_and_loses_nothing(context: &mut Context) -> Result<()> {
    let database = context.database::<PooledPostgres>("15.18").await?;
    let plugin = context.plugin(database.namespace())?;
    let quiet = context.quiet().await?;
    let load = database.start_load().await?;
    for _ in 0..3 {
        tokio::time::sleep(A_WHILE).await; // this is the baseline
        let idle = load.take_figures();
        let before = database.primary().await?;
        let ended = plugin.run(&["switchover", "postgres", "-y", "-o", "json"]).await?.expect(0)?;
        let during = load.take_figures();
        note!(
            "{ended}\nlongest gap {:?}, with nothing happening {:?}; {during:?}",
            during.longest_gap,
            idle.longest_gap
        );
        ensure!(database.primary().await? != before, "no other member took over");
        ensure!(during.failed + during.unknown == 0, "{during:?}\n{:?}", load.stop().await?.errors);
        database.expect_not_paused().await?;
        database.in_sync(Duration::from_mins(1)).await?;
    }
    let during = load.take_figures();
    drop(quiet);
    nothing_failed(&during, &load.stop().await?)
}

pub(super) async fn a_minor_upgrade_behind_a_pooler_fails_and_loses_nothing(context: &mut Context) -> Result<()> {
    let database = context.database::<PooledPostgres>("15.18").await?;
    let plugin = context.plugin(database.namespace())?;
    let quiet = context.quiet().await?;
    let load = database.start_load().await?;
    let ended = plugin.run(&["upgrade", "postgres", "--version", "15.20", "-y", "-o", "json"]).await?;
    let during = load.take_figures();
    drop(quiet);
    note!("{ended}\nlongest gap {:?}; {during:?}", during.longest_gap);
    ended.expect(0)?;
    nothing_failed(&during, &load.stop().await?)?;
    database.expect_image("15.20").await?;
    database.expect_not_paused().await
}

/// The old primary answers again, as a standby, before that node's clients are led to the new one.
pub(super) async fn a_node_whose_kube_proxy_is_a_second_late_fails_no_write(context: &mut Context) -> Result<()> {
    let database = context.database::<PooledPostgres>("15.18").await?;
    let plugin = context.plugin(database.namespace())?;
    let quiet = context.quiet().await?;
    let load = database.start_load().await?;
    let node = database.node_of_a_pooler().await?;
    let before = database.primary().await?;
    let mut running = plugin.start(&["switchover", "postgres", "-y", "--progress=json"])?;
    running.step_started(0).await?;
    let paused = PausedKubeProxy::pause(&node)?;
    until("the Service selects the new primary", SELECTED_WITHIN, async || {
        let selected = database.selected_by_service().await?;
        ensure!(selected != before, "it selects {selected}");
        Ok(())
    })
    .await?;
    tokio::time::sleep(LATE_BY).await; // the lateness itself
    drop(paused);
    running.end().await?.expect(0)?;
    let during = load.take_figures();
    drop(quiet);
    note!("longest gap {:?}; {during:?}", during.longest_gap);
    database.expect_not_paused().await?;
    nothing_failed(&during, &load.stop().await?)
}

pub(super) async fn a_long_transaction_calls_the_switchover_off_and_no_client_is_left_waiting(
    context: &mut Context,
) -> Result<()> {
    let database = context.database::<PooledPostgres>("15.18").await?;
    let plugin = context.plugin(database.namespace())?;
    let quiet = context.quiet().await?;
    let load = database.start_load().await?;
    let before = database.primary().await?;
    // Connected beforehand, and begun at the last moment: the plugin does not even begin where a transaction has been open for longer,
    // and a client that has to connect first may be too late.
    let busy = database.connect_through_pooler().await?;
    let arguments = ["switchover", "postgres", "-y", "--progress=json", "--step-timeout", "15s"];
    let mut running = plugin.start(&arguments)?;
    running.step_started(0).await?;
    busy.batch_execute("BEGIN; SELECT 1").await?;
    let called_off = running.event(|event| event["event"] == "stepWaiting").await?.context("it does not report why")?;
    let why = called_off["why"].as_str().unwrap_or_default();
    ensure!(why.contains("in the middle of a transaction") && why.contains("pgbouncer-"), "{why}");
    ensure!(running.end().await?.code != Some(0), "it succeeded");
    let during = load.take_figures();
    note!("longest gap {:?}; {during:?}\n{why}", during.longest_gap);
    database.expect_not_paused().await?;
    ensure!(database.primary().await? == before, "the primary moved");
    busy.batch_execute("COMMIT").await.context("the transaction was ended")?;
    drop(quiet);
    nothing_failed(&during, &load.stop().await?)?;
    ensure!(during.longest_gap < CALLED_OFF, "clients waited for {:?}", during.longest_gap);
    plugin.run(&["abort", "postgres", "-y"]).await?.expect(0).map(drop)
}

pub(super) async fn a_plugin_that_is_killed_in_the_pause_leaves_no_client_waiting(context: &mut Context) -> Result<()> {
    let database = context.database::<PooledPostgres>("15.18").await?;
    let plugin = context.plugin(database.namespace())?;
    let quiet = context.quiet().await?;
    let load = database.start_load().await?;
    let busy = database.connect_through_pooler().await?;
    let mut running = plugin.start(&["switchover", "postgres", "-y", "--progress=json"])?;
    running.step_started(0).await?;
    // So that the pause lasts: it waits for this transaction.
    busy.batch_execute("BEGIN; SELECT 1").await?;
    until("a pooler is paused", PAUSED_WITHIN, async || match database.expect_not_paused().await {
        Ok(()) => bail!("none is"),
        Err(_) => Ok(()),
    })
    .await?;
    running.kill().await?;
    let killed = Instant::now();
    until("no pooler is paused any more", RESUMED_WITHIN, async || database.expect_not_paused().await).await?;
    note!("resumed {:?} after the plugin was killed", killed.elapsed());
    busy.batch_execute("COMMIT").await.context("the transaction was ended")?;
    tokio::time::sleep(A_WHILE).await; // a pooler that is paused again shows now
    database.expect_not_paused().await?;
    let during = load.take_figures();
    drop(quiet);
    note!("longest gap {:?}; {during:?}", during.longest_gap);
    nothing_lost(&load.stop().await?)?;
    ensure!(during.failed + during.unknown == 0, "{during:?}");
    until("the killed operation is aborted", LOCK_EXPIRES_WITHIN, async || {
        plugin.run(&["abort", "postgres", "-y"]).await?.expect(0).map(drop)
    })
    .await
}
