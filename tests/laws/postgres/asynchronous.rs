//! A PostgreSQL whose commits wait for no standby: while it is upgraded they wait for one, and afterwards for none again, also when the
//! plugin dies on the way.

use anyhow::{Context as _, Result, ensure};
use stateful_harness::{Context, Deployment, Engine, Load, Postgres, Running, note, nothing_lost, until};

use super::SETTLED_WITHIN;

pub(super) async fn commits_wait_for_a_standby_only_while_members_are_replaced(context: &mut Context) -> Result<()> {
    let mut postgres = context.fresh_database::<Postgres>("15.18").await?;
    context.spoil_database();
    postgres.make_asynchronous().await?;
    let plugin = context.plugin(postgres.namespace())?;
    let load = Load::start(&postgres.endpoint().await?).await?;
    let image = Postgres::image("15.20");
    let upgrade = ["upgrade", "postgres", "--image", &image, "-y", "--progress=json"];

    // Killed while a member is replaced, and aborted.
    let mut running = plugin.start(&upgrade)?;
    until_a_member_is_replaced(&mut running).await?;
    running.kill().await?;
    expect_synchronous(&postgres).await?;
    plugin.run(&["abort", "postgres", "-y"]).await?.expect(0)?;
    expect_asynchronous(&postgres).await?;

    // Begun anew, killed again, and resumed.
    postgres.in_sync(SETTLED_WITHIN).await?;
    let mut running = plugin.start(&upgrade)?;
    until_a_member_is_replaced(&mut running).await?;
    running.kill().await?;
    expect_synchronous(&postgres).await?;
    let resumed = plugin.run(&["resume", "postgres", "-y"]).await?.expect(0)?;
    note!("{resumed}");
    expect_asynchronous(&postgres).await?;

    postgres.in_sync(SETTLED_WITHIN).await?;
    postgres.expect_image("15.20").await?;
    nothing_lost(&load.stop().await?)
}

async fn until_a_member_is_replaced(running: &mut Running) -> Result<()> {
    let replaces = |text: &str| text.starts_with("replace ");
    let begun =
        running.event(|event| event["event"] == "stepStarted" && event["text"].as_str().is_some_and(replaces)).await?;
    begun.map(drop).context("it ended before a member was replaced")
}

async fn expect_synchronous(postgres: &Postgres) -> Result<()> {
    let names =
        until("every member answers", SETTLED_WITHIN, async || postgres.synchronous_standby_names().await).await?;
    ensure!(
        names["postgres-0"].starts_with("ANY 1 ("),
        "commits wait for no standby while a member is away: {names:?}"
    );
    Ok(())
}

async fn expect_asynchronous(postgres: &Postgres) -> Result<()> {
    // The member that was replaced may be on its way back.
    let names =
        until("every member answers", SETTLED_WITHIN, async || postgres.synchronous_standby_names().await).await?;
    ensure!(names.values().all(String::is_empty), "commits still wait: {names:?}");
    Ok(())
}
