//! PostgreSQL under Patroni: it is asked, nothing is lost, and its configuration stays.

use std::time::Duration;

use anyhow::{Result, ensure};
use stateful_harness::{Context, Deployment, Figures, Load, Patroni, note, nothing_lost, send_signal};

use super::SETTLED_WITHIN;

/// A pause that users would notice.
const NOTICED: Duration = Duration::from_secs(1);

pub(super) async fn patroni_moves_the_primary_when_asked_loses_nothing_and_keeps_its_configuration(
    context: &mut Context,
) -> Result<()> {
    let database = context.database::<Patroni>("15.18").await?;
    let plugin = context.plugin(database.namespace())?;
    let before = database.configuration().await?;

    let by_patronictl = switch_over_with_patronictl(&database).await?;
    database.in_sync(SETTLED_WITHIN).await?;
    let load = Load::start(&database.endpoint().await?).await?;
    let switched = plugin.run(&["switchover", "patroni", "-y", "-o", "json"]).await?.expect(0)?;
    let ours = load.take_figures();
    database.in_sync(SETTLED_WITHIN).await?;
    let upgraded = plugin.run(&["upgrade", "patroni", "--version", "15.20", "-y", "-o", "json"]).await?.expect(0)?;
    let upgrade = load.take_figures();
    let audit = load.stop().await?;

    for (what, figures) in [("patronictl", &by_patronictl), ("ours", &ours), ("minor upgrade", &upgrade)] {
        let Figures { longest_gap, failed, unknown, .. } = figures;
        note!("{what}: longest gap {longest_gap:?}, failed {failed}, unknown {unknown}");
    }
    for ended in [switched, upgraded] {
        note!("it took {:?}, longest switchover {} ms", ended.took, ended.json()?["longestHandoverMilliseconds"]);
    }
    nothing_lost(&audit)?;
    let after = database.configuration().await?;
    ensure!(after == before, "Patroni is configured otherwise: {after}");
    database.in_sync(SETTLED_WITHIN).await?;
    for pod in database.pods().await? {
        let version = database.ask(&pod.name, "SHOW server_version").await?.concat().concat();
        ensure!(version.starts_with("15.20"), "{} reports {version}", pod.name);
    }
    Ok(())
}

/// Its server answers, and looks well to everybody for ten seconds; its WAL receiver is stopped.
pub(super) async fn a_standby_that_hangs_is_not_asked_to_lead_and_no_client_waits_for_it(
    context: &mut Context,
) -> Result<()> {
    let database = context.database::<Patroni>("15.18").await?;
    let plugin = context.plugin(database.namespace())?;
    let (before, from) = (database.configuration().await?, database.primary().await?);
    let to = database.another(&from).await?;
    let endpoint = database.endpoint().await?;
    let quiet = context.quiet().await?;
    let load = Load::start(&endpoint).await?;

    let receiver = database.ask(&to, "SELECT pid FROM pg_stat_wal_receiver").await?.concat().concat();
    let hung = database.connect(&to).await?;
    send_signal(&hung, "STOP", &receiver).await;
    let ended = plugin.run(&["switchover", "patroni", "--to", &to, "-y", "--step-timeout", "5s"]).await?;
    send_signal(&hung, "CONT", &receiver).await;
    let during = load.take_figures();
    drop(quiet);
    note!("{ended}\nlongest gap {:?}", during.longest_gap);
    ensure!(ended.code != Some(0), "it succeeded");
    ensure!(format!("{ended}").contains("have not received what is written"), "it does not report why");
    ensure!(database.primary().await? == from, "{from} is not primary any more");
    ensure!(database.configuration().await? == before, "Patroni is configured otherwise");
    ensure!(during.failed + during.unknown == 0, "writes went wrong: {during:?}");
    ensure!(during.longest_gap < NOTICED, "{} was not written for {:?}", during.of_key, during.longest_gap);
    nothing_lost(&load.stop().await?)?;
    plugin.run(&["abort", "patroni", "-y"]).await.map(drop) // nothing to abort where it was refused before it began
}

/// The same switchover by Patroni's own command, under a load of its own; what that loses is not ours, and noted.
async fn switch_over_with_patronictl(database: &Patroni) -> Result<Figures> {
    let load = Load::start(&database.endpoint().await?).await?;
    database.switch_over_with_patronictl().await?;
    let figures = load.take_figures();
    let audit = load.stop().await?;
    note!("by patronictl: {} lost of {}", audit.lost.len(), figures.acknowledged);
    Ok(figures)
}
