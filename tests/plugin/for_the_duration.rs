//! A PostgreSQL whose commits wait for nobody is upgraded: meanwhile they wait for one standby, and afterwards for nobody again,
//! whoever dies on the way.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use stateful_harness::{Cluster, Load, Plugin, Postgres, Running, nothing_lost, postgres_image, until};

/// Members that come back and catch up, on two busy cores.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

#[tokio::test]
#[ignore = "two minutes: `make faults`"]
async fn commits_wait_for_a_standby_while_members_are_replaced_and_for_nobody_after_the_end_or_an_abort() -> Result<()>
{
    let cluster = Cluster::beside_others().await?;
    let namespace = cluster.namespace("law-for-the-duration").await?;
    let mut postgres = Postgres::deploy(&namespace, "15.18").await?;
    postgres.make_asynchronous().await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let load = Load::start(&postgres.endpoint("postgres-primary").await?).await?;
    let image = postgres_image("15.20");
    let upgrade = ["upgrade", "postgres", "--image", &image, "-y", "--progress=json"];

    // Killed once members go, and ended there by somebody else.
    let mut running = plugin.start(&upgrade)?;
    a_member_goes(&mut running).await?;
    running.kill().await?;
    a_standby_is_waited_for(&postgres).await?;
    plugin.run(&["abort", "postgres", "-y"]).await?.expect(0)?;
    nobody_is_waited_for(&postgres).await?;

    // Begun anew, killed again, and finished by somebody else.
    postgres.in_sync(SETTLED_WITHIN).await?;
    let mut running = plugin.start(&upgrade)?;
    a_member_goes(&mut running).await?;
    running.kill().await?;
    a_standby_is_waited_for(&postgres).await?;
    let resumed = plugin.run(&["resume", "postgres", "-y"]).await?.expect(0)?;
    eprintln!("{resumed}");
    nobody_is_waited_for(&postgres).await?;

    postgres.in_sync(SETTLED_WITHIN).await?;
    for pod in postgres.pods().await? {
        ensure!(pod.image == image, "{} runs {}", pod.name, pod.image);
    }
    nothing_lost(&load.stop().await?)
}

async fn a_member_goes(running: &mut Running) -> Result<()> {
    let goes = |text: &str| text.starts_with("replace ");
    let begun =
        running.event(|event| event["event"] == "stepStarted" && event["text"].as_str().is_some_and(goes)).await?;
    begun.map(drop).context("it ended before a member went")
}

async fn a_standby_is_waited_for(postgres: &Postgres) -> Result<()> {
    let told = until("every member tells", SETTLED_WITHIN, async || postgres.synchronous_standby_names().await).await?;
    ensure!(told["postgres-0"].starts_with("ANY 1 ("), "commits wait for nobody while members go: {told:?}");
    Ok(())
}

async fn nobody_is_waited_for(postgres: &Postgres) -> Result<()> {
    // The member that went may be on its way back.
    let told = until("every member tells", SETTLED_WITHIN, async || postgres.synchronous_standby_names().await).await?;
    ensure!(told.values().all(String::is_empty), "commits wait still: {told:?}");
    Ok(())
}
