//! What matters in a switchover of PostgreSQL beside the laws of every database.

<<<<<<< HEAD
use crate::common::database::Database;
use crate::common::load::Load;
use crate::common::turns::Measures;
use crate::postgres::servers::{NOT_FELT, SERVERS, Servers, name};
=======
use std::time::{Duration, Instant};

use stateful_engines::NoClientPause;
use stateful_engines::postgres::Postgres;
use stateful_engines::{Canary, Switchover};
use stateful_safety::Role;

use crate::clients::Clients;
use crate::servers::{Servers, name};

/// The rule of the examples: one standby, whichever, has every commit.
pub(crate) const ANY: &str = "ANY 1 (\"pg-0\", \"pg-1\", \"pg-2\")";

/// A direct client's bar in the issue: a second.
pub(crate) const FELT_BY_NOBODY: Duration = Duration::from_secs(1);
>>>>>>> engines-room

/// A standby that has lost its primary waits before it tries again: 5 s where nothing else is set, and writes would wait along.
#[tokio::test(flavor = "multi_thread")]
async fn the_time_after_which_a_standby_tries_again_is_not_felt() {
    let servers = Servers::start(Measures::Time).await;
    for number in 0..SERVERS {
        servers.run_sql(number, "ALTER SYSTEM SET wal_retrieve_retry_interval = '5s'").await;
        servers.run_sql(number, "SELECT pg_reload_conf()").await;
    }
    for (from, to) in [(0, 1), (1, 2), (2, 0)] {
        let load = Load::begin(servers.client()).await;
        servers.switch_over(&name(from), &name(to)).await.expect("a switchover");
        let report = load.finish(&servers).await;
        assert_eq!(report.lost, 0, "{} -> {}: {report:?}", name(from), name(to));
        assert!(report.longest_gap < NOT_FELT, "{} -> {}: {report:?}", name(from), name(to));
    }
}
<<<<<<< HEAD
=======

/// A standby that has lost its primary waits before it tries again: 5 s where nobody has set it, and writes would wait along.
#[tokio::test(flavor = "multi_thread")]
async fn how_long_a_standby_waits_before_it_tries_again_is_not_felt() {
    let Some(servers) = Servers::start(ANY).await else { return };
    for number in 0..3 {
        let link = servers.link(number).await;
        link.batch_execute("ALTER SYSTEM SET wal_retrieve_retry_interval = '5s'").await.expect("a setting");
        link.batch_execute("SELECT pg_reload_conf()").await.expect("settings read anew");
    }
    let engine = Postgres::default();
    for (from, to) in [(0, 1), (1, 2), (2, 0)] {
        let clients = Clients::start();
        tokio::time::sleep(Duration::from_secs(1)).await;
        engine
            .switch_over(&servers.endpoints(), &[], &name(from), &name(to), &NoClientPause)
            .await
            .expect("a switchover");
        servers.whole().await;
        let report = clients.finish(&servers, to).await;
        println!("{} -> {}: {report:?}", name(from), name(to));
        assert_eq!(report.lost, 0, "{report:?}");
        assert!(report.longest_gap < FELT_BY_NOBODY, "{report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_begins_during_a_handover_lives_through_it_and_leaves_nothing() {
    let Some(servers) = Servers::start(ANY).await else { return };
    let engine = Postgres::default();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let (_doors, endpoints) = tokio::sync::watch::channel(servers.endpoints());
    let all = servers.endpoints();
    let (ledger, ()) = futures::join!(engine.run_canary(endpoints, stopped), async {
        engine.switch_over(&all, &[], &name(0), &name(1), &NoClientPause).await.expect("a switchover");
        servers.whole().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop.send_replace(true);
    });
    let ledger = ledger.expect("a ledger");
    println!("{ledger:?}");
    assert!(ledger.acknowledged > 10, "{ledger:?}");
    assert_eq!((ledger.lost, ledger.failed), (0, 0));
    let left = servers.word(1, "SELECT count(*)::text FROM pg_namespace WHERE nspname = 'kubectl_stateful'").await;
    assert_eq!(left.as_deref(), Some("0"));
}
>>>>>>> engines-room
