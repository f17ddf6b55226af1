//! Commits that wait for nobody, made to wait for a standby for the duration: a primary that dies suddenly loses nothing it
//! has acknowledged, the rule goes along when the role moves, and nothing of it is left afterwards.

use std::pin::pin;
use std::time::Duration;

use stateful_engines::postgres::Postgres;
use stateful_engines::{Engine, NoClientPause};
use stateful_engines::{Switchover, TemporarySync};
use stateful_safety::SyncReplication;

use tokio::time::timeout;

use crate::clients::Clients;
use crate::programs::signal;
use crate::servers::{PATIENCE, Servers, name};

const RULE: &str = "SELECT current_setting('synchronous_standby_names')";

/// What the server's own file has of it; `ALTER SYSTEM RESET` takes the line away.
const KEPT: &str = "SELECT count(*)::text FROM pg_file_settings WHERE name = 'synchronous_standby_names' \
    AND sourcefile LIKE '%/postgresql.auto.conf'";

async fn synchrony(servers: &Servers) -> SyncReplication {
    Postgres::default().assess(&servers.endpoints(), 1).await.synchrony
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_wait_for_a_standby_for_the_duration_and_for_nobody_before_and_after() {
    let Some(servers) = Servers::start("").await else { return };
    let engine = Postgres::default();
    assert_eq!(synchrony(&servers).await, SyncReplication::Asynchronous);
    for _ in 0..2 {
        engine.begin_temporary_sync(&servers.endpoints()).await.expect("begun, and once more");
    }
    let rule = servers.word(0, RULE).await.unwrap_or_default();
    assert_eq!(rule, "ANY 1 (\"pg-1\", \"pg-2\", \"kubectl_stateful_for_the_duration\")");
    let assessment = servers.whole().await;
    assert_eq!(assessment.synchrony, SyncReplication::ForTheDuration);
    assert_eq!((assessment.groups[0].write_quorum, assessment.quorums.len()), (2, 0));

    // The rule goes along, and while one standby restarts the other will do.
    let clients = Clients::start();
    for (from, to) in [(0, 1), (1, 2)] {
        engine
            .switch_over(&servers.endpoints(), &[], &name(from), &name(to), &NoClientPause)
            .await
            .expect("a switchover");
        assert_eq!(servers.whole().await.synchrony, SyncReplication::ForTheDuration, "{}", name(to));
    }
    let report = clients.finish(&servers, 2).await;
    assert!(report.acknowledged > 100 && report.lost == 0, "{report:?}");

    for _ in 0..2 {
        engine.end_temporary_sync(&servers.endpoints()).await.expect("ended, and once more");
    }
    assert_eq!(synchrony(&servers).await, SyncReplication::Asynchronous);
    for number in 0..3 {
        assert_eq!(servers.word(number, RULE).await.as_deref(), Some(""), "{}", name(number));
        assert_eq!(servers.word(number, KEPT).await.as_deref(), Some("0"), "{}", name(number));
    }
}

/// What makes a sudden death harmless: whoever dies with its disk has acknowledged nothing that is not on another.
#[tokio::test(flavor = "multi_thread")]
async fn no_commit_is_acknowledged_that_no_standby_has() {
    let Some(servers) = Servers::start("").await else { return };
    let engine = Postgres::default();
    let link = servers.link(0).await;
    let receivers = [1, 2].map(|number| servers.process(number, "walreceiver").expect("it receives"));
    let hang = |word| receivers.iter().for_each(|receiver| signal(word, *receiver));

    hang("STOP");
    link.batch_execute("INSERT INTO kept VALUES (7, 1)").await.expect("before: acknowledged, and on one disk only");
    hang("CONT");
    servers.whole().await;

    engine.begin_temporary_sync(&servers.endpoints()).await.expect("begun");
    // Applied, not only on the disk, so that the standby can be asked for it at once.
    link.batch_execute("SET synchronous_commit = remote_apply").await.expect("a setting");
    hang("STOP");
    let mut commit = pin!(link.batch_execute("INSERT INTO kept VALUES (7, 2)"));
    // It would be there within a millisecond; shorter than the sender's own timeout.
    let early = timeout(Duration::from_secs(1), commit.as_mut()).await;
    signal("CONT", receivers[1]);
    let acknowledged = timeout(PATIENCE, commit).await;
    signal("CONT", receivers[0]);
    assert!(early.is_err(), "acknowledged with both standbys hanging: {early:?}");
    acknowledged.expect("one standby is enough").expect("a commit");
    assert_eq!(servers.word(2, "SELECT count(*)::text FROM kept WHERE writer = 7").await.as_deref(), Some("2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_alter_system_overruled_is_overruled_afterwards_too() {
    let Some(servers) = Servers::start("ANY 1 (\"somebody\")").await else { return };
    for number in 0..3 {
        let link = servers.link(number).await;
        link.batch_execute("ALTER SYSTEM SET synchronous_standby_names = ''").await.expect("a setting");
        link.batch_execute("SELECT pg_reload_conf()").await.expect("settings read anew");
    }
    servers.whole().await;
    let engine = Postgres::default();
    engine.begin_temporary_sync(&servers.endpoints()).await.expect("begun");
    engine.end_temporary_sync(&servers.endpoints()).await.expect("ended");
    assert_eq!(servers.word(0, RULE).await.as_deref(), Some(""), "nobody is waited for, as before");
    assert_eq!(servers.word(0, KEPT).await.as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_standby_can_have_the_commits_it_is_put_back_rather_than_hang_them() {
    let Some(mut servers) = Servers::start("").await else { return };
    servers.take_away(1);
    servers.take_away(2);
    let engine = Postgres::default();
    assert_eq!(synchrony(&servers).await, SyncReplication::Unknown, "who is silent may have a rule left");
    let refused = engine.begin_temporary_sync(&servers.endpoints()).await.expect_err("nobody to wait for");
    assert!(refused.to_string().contains("put back"), "{refused}");
    assert_eq!(servers.word(0, RULE).await.as_deref(), Some(""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_of_somebodys_own_is_neither_changed_nor_put_back() {
    let Some(servers) = Servers::start(crate::switchover::ANY).await else { return };
    let engine = Postgres::default();
    assert_eq!(synchrony(&servers).await, SyncReplication::Declared);
    engine.begin_temporary_sync(&servers.endpoints()).await.expect_err("it waits already");
    engine.end_temporary_sync(&servers.endpoints()).await.expect("nothing to do");
    assert_eq!(servers.word(0, RULE).await.as_deref(), Some(crate::switchover::ANY));
}
