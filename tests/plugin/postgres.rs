//! PostgreSQL behind a Service: the same verbs, nothing lost, whoever dies when. Eight writers all the while.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use stateful_harness::{
    Cluster, Figures, Load, ObjectVersions, Plugin, Postgres, Running, nothing_failed, nothing_lost, postgres_image,
    until,
};

/// After a restart kubelet waits 10 s before the next one of the same container, and 20 s after that.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

/// Every writer has found the next primary long before.
const WRITES_WITHIN: Duration = Duration::from_secs(30);

/// What a direct client may go without a write in an upgrade. What is wanted is one second; three runs on a quiet machine had
/// 0.27, 0.36 and 0.99 s, and two cores with other work are slower.
const GAP: Duration = Duration::from_secs(2);

/// Eight writers have an answer every millisecond or two; the shortest pause is four times as long as this.
const STALL: Duration = Duration::from_millis(30);

/// From the command to the old version everywhere: what the documents ask of a way back.
const BACK_WITHIN: Duration = Duration::from_mins(2);

/// And back again: clients write by way of a primary of the old version within what the documents ask.
#[tokio::test]
async fn minor_upgrade_of_postgres_under_load_loses_nothing_and_its_rollback_neither() -> Result<()> {
    let cluster = Cluster::alone().await?;
    let namespace = cluster.namespace("law-postgres").await?;
    let postgres = Postgres::deploy(&namespace, "15.18").await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let load = Load::start(&postgres.endpoint("postgres-primary").await?).await?;

    let ended = plugin.run(&["upgrade", "postgres", "--version", "15.20", "-y", "-o", "json"]).await?.expect(0)?;
    let during = load.take_figures();
    eprintln!("it took {:?}, longest handover {} ms", ended.took, ended.json()?["longestHandoverMilliseconds"]);
    all_run(&postgres, "15.20").await?;
    clients_reach_the_primary(&postgres).await?;

    load.take_figures();
    let began = Instant::now();
    let running = plugin.start(&["rollback", "postgres", "-y"])?;
    let (redirected, ended) = tokio::join!(written_by("15.18", &postgres, &load), running.end());
    let ended = ended?.expect(0)?;
    let (leader, redirected, back) = redirected.with_context(|| ended.to_string())?;
    let back = load.take_figures().combine(&back);
    let audit = load.stop().await?;
    told("a minor upgrade", &during, &[]);
    told("and back", &back, &audit.errors);
    let redirected = redirected.duration_since(began);
    eprintln!("{leader} leads with 15.18 and is written to {redirected:?} after `rollback`; it took {:?}", ended.took);
    nothing_lost(&audit)?;
    for figures in [&during, &back] {
        ensure!(figures.longest_gap <= GAP, "{} was not written for {:?}", figures.of_key, figures.longest_gap);
    }
    ensure!(redirected <= BACK_WITHIN, "the way back took {redirected:?}");
    all_run(&postgres, "15.18").await?;
    clients_reach_the_primary(&postgres).await
}

/// Waits until clients write by way of a primary that runs a version, and says which one, and when.
async fn written_by(version: &str, postgres: &Postgres, load: &Load) -> Result<(String, Instant, Figures)> {
    let mut during = Figures::default();
    let (leader, at) = until("clients write by way of that version", BACK_WITHIN, async || {
        during = load.take_figures().combine(&during);
        let leader = postgres.primary().await?;
        let says = postgres.ask(&leader, "SHOW server_version").await?.concat().concat();
        ensure!(says.starts_with(version), "{leader} leads, and says {says}");
        ensure!(postgres.selected_by_service().await? == leader, "clients are led elsewhere than to {leader}");
        // What was acknowledged from here on, it has acknowledged.
        during = load.take_figures().combine(&during);
        let page = written(load).await?;
        during = page.combine(&during);
        Ok((leader, Instant::now()))
    })
    .await?;
    Ok((leader, at, during))
}

/// The next acknowledged writes.
async fn written(load: &Load) -> Result<Figures> {
    let began = Instant::now();
    let mut during = load.take_figures();
    while during.acknowledged == 0 {
        ensure!(began.elapsed() < GAP, "none was acknowledged for {GAP:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
        during = load.take_figures().combine(&during);
    }
    Ok(during)
}

/// The first standby that gets the new image never starts. The way back takes it away as it is: nothing runs in it.
#[tokio::test]
async fn a_rollback_of_postgres_after_an_image_that_cannot_be_pulled_fails_no_write() -> Result<()> {
    let cluster = Cluster::beside_others().await?;
    let namespace = cluster.namespace("law-postgres-back").await?;
    let postgres = Postgres::deploy(&namespace, "15.18").await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let load = Load::start(&postgres.endpoint("postgres-primary").await?).await?;

    let nowhere = postgres_image("no-such-tag");
    let stopped = plugin.run(&["upgrade", "postgres", "--image", &nowhere, "-y"]).await?.expect(6)?;
    ensure!(stopped.stderr.contains("ImagePull"), "it does not say why:\n{stopped}");
    ensure!(
        stopped.stderr.contains("kubectl stateful rollback postgres"),
        "it does not say how to go back:\n{stopped}"
    );
    let ended = plugin.run(&["rollback", "postgres", "-y"]).await?.expect(0)?;
    let during = load.take_figures();
    let audit = load.stop().await?;
    told("an image that cannot be pulled", &during, &audit.errors);
    eprintln!("rolled back in {:?}", ended.took);
    nothing_failed(&during, &audit)?;
    ensure!(ended.took <= BACK_WITHIN, "going back took {:?}", ended.took);
    all_run(&postgres, "15.18").await?;
    clients_reach_the_primary(&postgres).await
}

/// A fourth member comes before anybody is touched and goes when all are done; its claim stays.
#[tokio::test]
async fn an_upgrade_of_postgres_with_a_member_more_ends_with_as_many_as_before_and_loses_nothing() -> Result<()> {
    let cluster = Cluster::beside_others().await?;
    let namespace = cluster.namespace("law-postgres-surge").await?;
    let postgres = Postgres::deploy(&namespace, "15.18").await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let load = Load::start(&postgres.endpoint("postgres-primary").await?).await?;

    let upgrade = ["upgrade", "postgres", "--version", "15.20", "--surge", "-y", "-o", "json"];
    let ended = plugin.run(&upgrade).await?.expect(0)?;
    let during = load.take_figures();
    let audit = load.stop().await?;
    told("a minor upgrade with a member more", &during, &audit.errors);
    eprintln!("it took {:?}", ended.took);
    nothing_lost(&audit)?;
    for words in ["add postgres-3", "remove postgres-3", "claim data-postgres-3 stays behind"] {
        ensure!(ended.stderr.contains(words), "it does not say \"{words}\":\n{ended}");
    }
    let at = |words: &str| ended.stderr.rfind(words).context("it is said");
    ensure!(at("add postgres-3")? < at("replace postgres-1")?, "it did not come first:\n{ended}");
    ensure!(at("replace postgres-0")? < at("remove postgres-3")?, "it did not go last:\n{ended}");
    namespace.get(&["persistentvolumeclaim", "data-postgres-3"]).await.context("its claim is gone")?;
    postgres.in_sync(SETTLED_WITHIN).await?; // three of them
    all_run(&postgres, "15.20").await?;
    clients_reach_the_primary(&postgres).await?;
    let checked = plugin.run(&["check", "postgres", "--canary"]).await?.expect(0)?;
    ensure!(checked.stdout.contains("writes acknowledged and read back"), "no canary wrote:\n{checked}");
    Ok(())
}

#[tokio::test]
async fn a_major_upgrade_of_postgres_is_refused_and_touches_nothing() -> Result<()> {
    let cluster = Cluster::beside_others().await?;
    let namespace = cluster.namespace("law-postgres-major").await?;
    let postgres = Postgres::deploy(&namespace, "15.18").await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let before = ObjectVersions::read(&namespace).await?;
    let ended = plugin.run(&["upgrade", "postgres", "--version", "17.12", "-y"]).await?.expect(3)?;
    for word in ["STF-PG-008", "pg_upgrade", "logical replication"] {
        ensure!(format!("{ended}").contains(word), "\"{word}\" is not said:\n{ended}");
    }
    before.expect_unchanged(&namespace).await?;
    all_run(&postgres, "15.18").await
}

/// Killed once when the journal says that a handover has begun, and once when its writers notice: then nobody leads.
#[tokio::test]
async fn killed_in_a_handover_of_postgres_resume_leaves_one_primary_and_loses_nothing() -> Result<()> {
    let cluster = Cluster::beside_others().await?;
    let namespace = cluster.namespace("law-postgres-deaths").await?;
    let postgres = Postgres::deploy(&namespace, "15.18").await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let load = Load::start(&postgres.endpoint("postgres-primary").await?).await?;

    // Each time to a member whose container has not been ended yet: kubelet would let the second end wait.
    let mut during = load.take_figures();
    for (successor, in_the_pause) in [("postgres-1", false), ("postgres-2", true)] {
        let mut running = plugin.start(&["switchover", "postgres", "--to", successor, "-y", "--progress=json"])?;
        handing_over(&mut running).await?;
        if in_the_pause {
            during = writes_fail(&load, during).await?;
        }
        running.kill().await?;
        let led = postgres.primary().await;
        eprintln!("killed; who leads: {led:?}");
        let ended = plugin.run(&["resume", "postgres", "-y"]).await?.expect(0)?;
        postgres.in_sync(SETTLED_WITHIN).await?;
        ensure!(postgres.primary().await? == successor, "{successor} does not lead:\n{ended}");
        clients_reach_the_primary(&postgres).await?;
        during = writes_flow(&load, during).await?;
        eprintln!("resumed in {:?}:\n{ended}", ended.took);
    }
    let during = load.take_figures().combine(&during);
    let audit = load.stop().await?;
    told("two deaths", &during, &audit.errors);
    nothing_lost(&audit)
}

/// Waits until a handover is about to act: the journal has its line by then.
pub(crate) async fn handing_over(running: &mut Running) -> Result<()> {
    let handover = |event: &Value| event["text"].as_str().is_some_and(|text| text.starts_with("hand over"));
    let begun = running.event(|event| event["event"] == "stepStarted" && handover(event)).await?;
    begun.map(drop).context("it ended without a handover")
}

/// The first write that goes wrong, or a moment without any: the old primary has been told to stop. A pause is shorter than
/// `until` waits, and may be over before a write has gone wrong.
pub(crate) async fn writes_fail(load: &Load, mut during: Figures) -> Result<Figures> {
    let began = Instant::now();
    let mut heard = began;
    loop {
        let page = load.take_figures();
        if page.acknowledged > 0 {
            heard = Instant::now();
        }
        let fails = page.failed + page.unknown > 0 || heard.elapsed() > STALL;
        during = during.combine(&page);
        if fails {
            return Ok(during);
        }
        ensure!(began.elapsed() < WRITES_WITHIN, "no write failed");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn writes_flow(load: &Load, during: Figures) -> Result<Figures> {
    let mut during = load.take_figures().combine(&during);
    until("writes flow", WRITES_WITHIN, async || {
        let page = load.take_figures();
        during = page.clone().combine(&during);
        ensure!(page.acknowledged > 0, "none is acknowledged");
        Ok(())
    })
    .await?;
    Ok(during)
}

pub(crate) async fn all_run(postgres: &Postgres, version: &str) -> Result<()> {
    postgres.in_sync(SETTLED_WITHIN).await?;
    for pod in postgres.pods().await? {
        ensure!(pod.image == postgres_image(version), "{} runs {}", pod.name, pod.image);
        let says = postgres.ask(&pod.name, "SHOW server_version").await?.concat().concat();
        ensure!(says.starts_with(version), "{} says {says}", pod.name);
    }
    Ok(())
}

pub(crate) async fn clients_reach_the_primary(postgres: &Postgres) -> Result<()> {
    let primary = postgres.primary().await?;
    let selected = postgres.selected_by_service().await?;
    ensure!(selected == primary, "clients are led to {selected}, and {primary} leads");
    Ok(())
}

pub(crate) fn told(what: &str, during: &Figures, errors: &[String]) {
    eprintln!("{what}: {during:?}");
    for error in errors {
        eprintln!("  {error}");
    }
}
