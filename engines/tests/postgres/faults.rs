//! What goes wrong on the way: nothing acknowledged is lost, two servers never take writes at once, and in the end one leads.

use std::time::{Duration, Instant};

use stateful_engines::{BoxFuture, ClientPause, SwitchoverError};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::common::PATIENCE;
use crate::common::database::Database;
use crate::common::load::Load;
use crate::common::processes::signal;
use crate::common::turns::Measures;
use crate::postgres::servers::{PORT, Servers, name};

/// A moment on the way, by what can be seen of it from outside.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moment {
    /// The connection that will hear the old primary's end (a `pg_receivewal` of our own) is there.
    Prepared,
    /// The old primary's disk says that it is a standby.
    Fenced,
    /// The old primary has stopped.
    Stopped,
    /// The successor takes writes.
    Promoted,
}

/// Waits for a moment, without rest: the next one is milliseconds away.
pub(super) async fn until(servers: &Servers, moment: Moment, from: usize, to: usize) {
    let begun = Instant::now();
    let connection = servers.connection(0).await;
    let fence = servers.data(from).join("standby.signal");
    let running = servers.data(from).join("postmaster.pid");
    let follows = servers.data(to).join("standby.signal");
    loop {
        let reached = match moment {
            Moment::Prepared => {
                let asked = "SELECT 1 FROM pg_stat_replication WHERE application_name = 'kubectl_stateful_witness'";
                !connection.query(asked, &[]).await.expect("an answer").is_empty()
            }
            Moment::Fenced => fence.exists(),
            Moment::Stopped => fence.exists() && !running.exists(),
            Moment::Promoted => !follows.exists(),
        };
        if reached {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{moment:?} never came");
        tokio::task::yield_now().await;
    }
}

/// A switchover from the first server to the second in a process of its own, which can be made to die.
pub(super) fn start_switchover(
    servers: &Servers,
    endpoints: Vec<stateful_engines::Endpoint>,
) -> JoinHandle<Result<stateful_engines::CompletedSwitchover, SwitchoverError>> {
    let (adapter, from, to) = (servers.adapter(), name(0), name(1));
    tokio::spawn(async move {
        adapter
            .switchover()
            .expect("it switches over")
            .switch_over(&endpoints, &[], &from, &to, &stateful_engines::NoClientPause)
            .await
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switchover_whose_process_dies_at_any_moment_is_finished_by_a_second_one() {
    for moment in [Moment::Prepared, Moment::Fenced, Moment::Stopped, Moment::Promoted] {
        let servers = Servers::start(Measures::Nothing).await;
        let load = Load::start(servers.client());
        let dying = start_switchover(&servers, servers.endpoints());
        until(&servers, moment, 0, 1).await;
        dying.abort();
        // What the dead process had sent may still be under way; then the first answer may be no.
        let begun = Instant::now();
        while let Err(error) = servers.switch_over(&name(0), &name(1)).await {
            assert!(begun.elapsed() < PATIENCE, "{moment:?}: {error:?}");
            sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(servers.leader().await, 1, "{moment:?}");
        let report = load.finish(&servers).await;
        assert_eq!(report.lost, 0, "died when {moment:?}: {report:?}");
    }
}

/// Clients that are never paused: the switchover waits for them for ever.
struct EndlessPause;

impl ClientPause for EndlessPause {
    fn confirm_lock(&self) -> BoxFuture<'_, Result<(), SwitchoverError>> {
        Box::pin(async { Ok(()) })
    }

    fn pause(&self) -> BoxFuture<'_, Result<(), SwitchoverError>> {
        Box::pin(std::future::pending())
    }

    fn redirect(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// A process that dies while clients are paused has written the successor into the other standbys' settings. They do not read them
/// before a restart, which may come days later.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_switchover_that_died_in_the_pause_a_restarted_standby_follows_the_primary_it_has() {
    let mut servers = Servers::start(Measures::Nothing).await;
    let (adapter, endpoints) = (servers.adapter(), servers.endpoints());
    let dying = tokio::spawn(async move {
        let switchover = adapter.switchover().expect("it switches over");
        switchover.switch_over(&endpoints, &[], &name(0), &name(1), &EndlessPause).await
    });
    let follows = "SELECT setting FROM pg_file_settings WHERE name = 'primary_conninfo' ORDER BY seqno DESC LIMIT 1";
    let begun = Instant::now();
    while !servers.value(2, follows).await.is_some_and(|file| file.contains(&servers.address(1))) {
        assert!(begun.elapsed() < PATIENCE, "pg-2 is never told of its new primary");
        tokio::task::yield_now().await;
    }
    dying.abort();
    let (adapter, endpoints) = (servers.adapter(), servers.endpoints());
    let preparation = adapter.restart_preparation().expect("it prepares restarts");
    preparation.prepare_restart(&endpoints, &name(2)).await.expect("it can be restarted");
    servers.restart(2);
    assert_eq!(servers.leader().await, 0);
}

/// The other half: the successor was promoted, and only the order to the third member to read its settings was lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_missed_its_new_primary_follows_it_once_what_was_left_is_taken_back() {
    const FOLLOWS: &str = "SELECT setting FROM pg_settings WHERE name = 'primary_conninfo'";
    let servers = Servers::start(Measures::Nothing).await;
    servers.switch_over(&name(0), &name(1)).await.expect("a switchover");
    assert_eq!(servers.leader().await, 1);
    let new = servers.value(2, FOLLOWS).await.expect("a connection string");
    let old = new.replace(&servers.address(1), &servers.address(0));
    let write = |conninfo: &str| format!("ALTER SYSTEM SET primary_conninfo = '{}'", conninfo.replace('\'', "''"));
    servers.run_sql(2, &write(&old)).await;
    servers.run_sql(2, "SELECT pg_reload_conf()").await;
    let follows = async |conninfo: &str| {
        let begun = Instant::now();
        while servers.value(2, FOLLOWS).await.as_deref() != Some(conninfo) {
            assert!(begun.elapsed() < PATIENCE, "pg-2 does not read its settings");
            sleep(Duration::from_millis(20)).await;
        }
    };
    follows(&old).await;
    servers.run_sql(2, &write(&new)).await;
    let (adapter, endpoints) = (servers.adapter(), servers.endpoints());
    let notes = adapter.restart_preparation().expect("it prepares restarts").take_back(&endpoints, &[]).await;
    assert_eq!(notes, ["pg-2 follows the new primary"]);
    follows(&new).await;
    assert_eq!(servers.leader().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_of_the_old_primary_that_was_not_heard_is_found_out_from_both_servers() {
    let servers = Servers::start(Measures::Nothing).await;
    let load = Load::start(servers.client());
    let breaker = servers.connection(0).await;
    let breaking = tokio::spawn(async move {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_replication \
            WHERE application_name = 'kubectl_stateful_witness'";
        while breaker.query(end, &[]).await.is_ok_and(|rows| rows.is_empty()) {}
    });
    servers.switch_over(&name(0), &name(1)).await.expect("a switchover");
    breaking.await.expect("a task that breaks the connection");
    let leader = servers.leader().await;
    let report = load.finish(&servers).await;
    assert_eq!((leader, report.lost), (1, 0), "{report:?}");
}

/// The old primary was fenced and lost its power instead of stopping: it has rows that no other server has. It answers only once
/// it has read its own log, even with `recovery_min_apply_delay`: a server that was not shut down recovers from that log
/// first, and becomes a standby then (`InitWalRecovery` in `xlogrecovery.c`).
#[tokio::test(flavor = "multi_thread")]
async fn a_fenced_primary_that_lost_its_power_and_has_more_rows_leads_on() {
    let servers = Servers::start_with("", Measures::Nothing).await;
    let old = servers.connection(0).await;
    let follow = format!(
        "ALTER SYSTEM SET primary_conninfo = 'host={} port={PORT} user=postgres password={} application_name=pg-0'",
        servers.address(1),
        r"''it\\''s a \\\\secret''"
    );
    old.batch_execute(&follow).await.expect("a setting");
    old.batch_execute("ALTER SYSTEM SET recovery_min_apply_delay = '4s'").await.expect("a setting");
    old.batch_execute("CHECKPOINT").await.expect("a checkpoint");
    let insert = "INSERT INTO kept VALUES (9, $1)";
    for number in 0_i64..5 {
        old.execute(insert, &[&number]).await.expect("a row");
    }
    let written = servers.value(0, "SELECT pg_current_wal_flush_lsn()::text").await.expect("a position");
    let begun = Instant::now();
    let has_it = format!("SELECT (pg_last_wal_receive_lsn() >= '{written}')::text");
    while servers.value(1, &has_it).await.as_deref() != Some("true") {
        assert!(begun.elapsed() < PATIENCE, "the successor never had the first rows");
    }
    let receiver = servers.process_of(1, "walreceiver").expect("the successor receives");
    signal("STOP", receiver);
    for number in 5_i64..10 {
        old.execute(insert, &[&number]).await.expect("a row");
    }
    std::fs::write(servers.data(0).join("standby.signal"), "").expect("a fence");
    signal("KILL", servers.process(0));

    let finished = servers.switch_over(&name(0), &name(1)).await;
    signal("CONT", receiver);
    assert!(matches!(finished, Err(SwitchoverError::NotMoved { .. })), "{finished:?}");
    assert_eq!(servers.leader().await, 0);
    let rows = servers.value(0, "SELECT count(*)::text FROM kept WHERE writer = 9").await;
    assert_eq!(rows.as_deref(), Some("10"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_that_receives_nothing_beforehand_is_refused_and_nothing_changes() {
    let servers = Servers::start(Measures::Nothing).await;
    let receiver = servers.process_of(1, "walreceiver").expect("the successor receives");
    let load = Load::start(servers.client());
    signal("STOP", receiver);
    let refused = servers.switch_over(&name(0), &name(1)).await;
    signal("CONT", receiver);
    assert!(
        matches!(&refused, Err(SwitchoverError::Refused { why, .. }) if why.contains("its stop would wait")),
        "{refused:?}"
    );
    let leader = servers.leader().await;
    assert!(!servers.data(0).join("standby.signal").exists(), "it would come back as a standby");
    let report = load.finish(&servers).await;
    assert_eq!((leader, report.lost, report.unknown), (0, 0, 0), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_that_receives_nothing_in_the_pause_is_not_promoted_without_the_last_writes() {
    let servers = Servers::start(Measures::Nothing).await;
    let load = Load::start(servers.client());
    let receiver = servers.process_of(1, "walreceiver").expect("the successor receives");
    let (from, to) = (name(0), name(1));
    let (ended, ()) = futures::join!(servers.switch_over(&from, &to), async {
        until(&servers, Moment::Fenced, 0, 1).await;
        signal("STOP", receiver);
        sleep(Duration::from_secs(5)).await; // how long it hangs
        signal("CONT", receiver);
    });
    let leader = servers.leader().await;
    let report = load.finish(&servers).await;
    assert_eq!(report.lost, 0, "{ended:?}, pg-{leader} leads, {report:?}");
    match ended {
        Ok(_) => assert_eq!(leader, 1),
        Err(SwitchoverError::NotMoved { .. }) => assert_eq!(leader, 0),
        Err(other) => panic!("{other}"),
    }
}
