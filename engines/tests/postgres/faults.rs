//! What goes wrong on the way: nothing acknowledged is lost, never two write, and in the end somebody leads.

use std::time::{Duration, Instant};

use stateful_engines::Switchover;
use stateful_engines::postgres::Postgres;
use stateful_engines::{CompletedSwitchover, NoClientPause, SwitchoverError};

use crate::clients::Clients;
use crate::programs::signal;
use crate::servers::{PATIENCE, Servers, address, name};
use crate::switchover::ANY;

/// A moment on the way, by what can be seen of it from outside.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment {
    /// The witness listens.
    Prepared,
    /// The old primary's disk says that it is a standby.
    Fenced,
    /// The old primary has stopped.
    Stopped,
    /// The successor takes writes.
    Promoted,
}

/// Waits for a moment, without rest: the next one is milliseconds away.
pub(crate) async fn moment(servers: &Servers, moment: Moment, from: usize, to: usize) {
    let begun = Instant::now();
    let link = servers.link(0).await;
    let signal = servers.data(from).join("standby.signal");
    let running = servers.data(from).join("postmaster.pid");
    let follows = servers.data(to).join("standby.signal");
    loop {
        let reached = match moment {
            Moment::Prepared => {
                let asked = "SELECT 1 FROM pg_stat_replication WHERE application_name = 'kubectl_stateful_witness'";
                !link.query(asked, &[]).await.expect("an answer").is_empty()
            }
            Moment::Fenced => signal.exists(),
            Moment::Stopped => signal.exists() && !running.exists(),
            Moment::Promoted => !follows.exists(),
        };
        if reached {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{moment:?} never came");
        tokio::task::yield_now().await;
    }
}

pub(crate) async fn switch_over(
    servers: &Servers,
    from: usize,
    to: usize,
) -> Result<CompletedSwitchover, SwitchoverError> {
    Postgres::default().switch_over(&servers.endpoints(), &[], &name(from), &name(to), &NoClientPause).await
}

/// Everybody in sync again, and who leads.
pub(crate) async fn leader(servers: &Servers) -> usize {
    let assessment = servers.whole().await;
    let leader = assessment.groups[0].primary().map(|member| member.name.clone());
    (0..3).find(|number| Some(name(*number)) == leader).expect("one leads")
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_dies_on_the_way_leaves_what_a_second_call_finishes() {
    for at in [Moment::Prepared, Moment::Fenced, Moment::Stopped, Moment::Promoted] {
        let Some(servers) = Servers::start(ANY).await else { return };
        let clients = Clients::start();
        let endpoints = servers.endpoints();
        let (from, to) = (name(0), name(1));
        let dying =
            tokio::spawn(
                async move { Postgres::default().switch_over(&endpoints, &[], &from, &to, &NoClientPause).await },
            );
        moment(&servers, at, 0, 1).await;
        dying.abort();
        // What the dead one had sent may still be under way; then the first answer may be no.
        let begun = Instant::now();
        while let Err(error) = switch_over(&servers, 0, 1).await {
            assert!(begun.elapsed() < PATIENCE, "{at:?}: {error:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let report = {
            let leader = leader(&servers).await;
            assert_eq!(leader, 1, "{at:?}");
            clients.finish(&servers, leader).await
        };
        println!("died when {at:?}: {report:?}");
        assert_eq!(report.lost, 0, "{at:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_not_heard_is_found_out_from_both_servers() {
    let Some(servers) = Servers::start(ANY).await else { return };
    let clients = Clients::start();
    let breaker = servers.link(0).await;
    let breaking = tokio::spawn(async move {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_replication \
            WHERE application_name = 'kubectl_stateful_witness'";
        while breaker.query(end, &[]).await.is_ok_and(|rows| rows.is_empty()) {}
    });
    let took = switch_over(&servers, 0, 1).await.expect("a switchover").took;
    breaking.await.expect("somebody who breaks connections");
    let leader = leader(&servers).await;
    let report = clients.finish(&servers, leader).await;
    println!("the witness broken off: {took:?}, {report:?}");
    assert_eq!((leader, report.lost), (1, 0));
}

/// The old primary was fenced and lost its power instead of stopping: it has rows that nobody else has. It answers only once
/// it has read its own log, even with `recovery_min_apply_delay`: a server that was not shut down recovers from that log
/// first, and becomes a standby then (`InitWalRecovery` in `xlogrecovery.c`).
#[tokio::test(flavor = "multi_thread")]
async fn a_fenced_primary_that_lost_its_power_and_has_more_leads_on() {
    let Some(servers) = Servers::start("").await else { return };
    let old = servers.link(0).await;
    let follow = format!(
        "ALTER SYSTEM SET primary_conninfo = 'host={} port=54329 user=postgres password={} application_name=pg-0'",
        address(1),
        r"''it\\''s a \\\\secret''"
    );
    old.batch_execute(&follow).await.expect("a setting");
    old.batch_execute("ALTER SYSTEM SET recovery_min_apply_delay = '4s'").await.expect("a setting");
    old.batch_execute("CHECKPOINT").await.expect("a checkpoint");
    let insert = "INSERT INTO kept VALUES (9, $1)";
    for number in 0_i64..5 {
        old.execute(insert, &[&number]).await.expect("a row");
    }
    let end = "SELECT pg_current_wal_flush_lsn()::text";
    let there = servers.word(0, end).await.expect("a position");
    let begun = Instant::now();
    let has = format!("SELECT (pg_last_wal_receive_lsn() >= '{there}')::text");
    while servers.word(1, &has).await.as_deref() != Some("true") {
        assert!(begun.elapsed() < PATIENCE, "the successor never had the first rows");
    }
    let receiver = servers.process(1, "walreceiver").expect("it receives");
    signal("STOP", receiver);
    for number in 5_i64..10 {
        old.execute(insert, &[&number]).await.expect("a row");
    }
    std::fs::write(servers.data(0).join("standby.signal"), "").expect("a fence");
    let postmaster = std::fs::read_to_string(servers.data(0).join("postmaster.pid")).expect("it runs");
    signal("KILL", postmaster.lines().next().and_then(|pid| pid.parse().ok()).expect("a number"));

    let finished = switch_over(&servers, 0, 1).await;
    signal("CONT", receiver);
    assert!(matches!(finished, Err(SwitchoverError::NotMoved { .. })), "{finished:?}");
    assert_eq!(leader(&servers).await, 0);
    let rows = servers.word(0, "SELECT count(*)::text FROM kept WHERE writer = 9").await;
    assert_eq!(rows.as_deref(), Some("10"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_that_hangs_beforehand_changes_nothing() {
    let Some(servers) = Servers::start(ANY).await else { return };
    let receiver = servers.process(1, "walreceiver").expect("it receives");
    let clients = Clients::start();
    signal("STOP", receiver);
    let refused = switch_over(&servers, 0, 1).await;
    signal("CONT", receiver);
    assert!(
        matches!(&refused, Err(SwitchoverError::Refused { why, .. }) if why.contains("its stop would wait")),
        "{refused:?}"
    );
    let leader = leader(&servers).await;
    assert!(!servers.data(0).join("standby.signal").exists(), "it would come back as a standby");
    let report = clients.finish(&servers, leader).await;
    println!("a successor that hangs: {report:?}");
    assert_eq!((leader, report.lost, report.unknown), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_that_hangs_in_the_pause_is_not_promoted_without_the_end() {
    let Some(servers) = Servers::start(ANY).await else { return };
    let clients = Clients::start();
    let receiver = servers.process(1, "walreceiver").expect("it receives");
    let (asked, ()) = futures::join!(switch_over(&servers, 0, 1), async {
        moment(&servers, Moment::Fenced, 0, 1).await;
        signal("STOP", receiver);
        tokio::time::sleep(Duration::from_secs(5)).await;
        signal("CONT", receiver);
    });
    let leader = leader(&servers).await;
    let report = clients.finish(&servers, leader).await;
    println!("a successor that hangs in the pause: {asked:?}, pg-{leader} leads, {report:?}");
    assert_eq!(report.lost, 0);
    match asked {
        Ok(_) => assert_eq!(leader, 1),
        Err(SwitchoverError::NotMoved { .. }) => assert_eq!(leader, 0),
        Err(other) => panic!("{other}"),
    }
}
