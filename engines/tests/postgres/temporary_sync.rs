//! Commits that wait for no standby, made to wait for one while an operation runs: a primary that dies suddenly loses nothing it
//! has acknowledged, the rule goes along when the role moves, and nothing of it is left afterwards.

use std::pin::pin;
use std::time::Duration;

use stateful_safety::SyncReplication;
use tokio::time::timeout;

use crate::common::PATIENCE;
use crate::common::database::Database;
use crate::common::load::Load;
use crate::common::processes::signal;
use crate::common::turns::Measures;
use crate::postgres::servers::{ANY, SERVERS, Servers, name};

const RULE: &str = "SELECT current_setting('synchronous_standby_names')";

/// How many lines the file of `ALTER SYSTEM` has about it; `ALTER SYSTEM RESET` takes the line away.
const LINES: &str = "SELECT count(*)::text FROM pg_file_settings WHERE name = 'synchronous_standby_names' \
    AND sourcefile LIKE '%/postgresql.auto.conf'";

/// Servers whose commits wait for no standby.
async fn asynchronous() -> Servers {
    Servers::start_with("", Measures::Nothing).await
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_wait_for_a_standby_between_begin_and_end_and_for_none_before_and_after() {
    let servers = asynchronous().await;
    let adapter = servers.adapter();
    assert_eq!(servers.assess().await.synchrony, SyncReplication::Asynchronous);
    for _ in 0..2 {
        adapter
            .temporary_sync()
            .expect("it has commits wait")
            .begin_temporary_sync(&servers.endpoints())
            .await
            .expect("begun, and once more");
    }
    let rule = servers.value(0, RULE).await.unwrap_or_default();
    assert_eq!(rule, "ANY 1 (\"pg-1\", \"pg-2\", \"kubectl_stateful_for_the_duration\")");
    let assessment = servers.settled().await;
    assert_eq!(assessment.synchrony, SyncReplication::ForTheDuration);
    assert_eq!((assessment.groups[0].write_quorum, assessment.quorums.len()), (2, 0));

    // The rule goes along, and while one standby restarts the other will do.
    let load = Load::begin(servers.client()).await;
    for (from, to) in [(0, 1), (1, 2)] {
        servers.switch_over(&name(from), &name(to)).await.expect("a switchover");
        assert_eq!(servers.settled().await.synchrony, SyncReplication::ForTheDuration, "{}", name(to));
    }
    let report = load.finish(&servers).await;
    assert_eq!(report.lost, 0, "{report:?}");

    for _ in 0..2 {
        adapter
            .temporary_sync()
            .expect("it has commits wait")
            .end_temporary_sync(&servers.endpoints())
            .await
            .expect("ended, and once more");
    }
    assert_eq!(servers.assess().await.synchrony, SyncReplication::Asynchronous);
    for number in 0..SERVERS {
        assert_eq!(servers.value(number, RULE).await.as_deref(), Some(""), "{}", name(number));
        assert_eq!(servers.value(number, LINES).await.as_deref(), Some("0"), "{}", name(number));
    }
}

/// What makes a sudden death harmless: a primary that dies with its disk has acknowledged nothing that is not on another.
#[tokio::test(flavor = "multi_thread")]
async fn no_commit_is_acknowledged_that_no_standby_has() {
    let servers = asynchronous().await;
    let connection = servers.connection(0).await;
    let receivers = [1, 2].map(|number| servers.process_of(number, "walreceiver").expect("it receives"));
    let signal_both = |word| receivers.iter().for_each(|receiver| signal(word, *receiver));

    signal_both("STOP");
    connection.batch_execute("INSERT INTO kept VALUES (7, 1)").await.expect("acknowledged, and on one disk only");
    signal_both("CONT");
    servers.settled().await;

    servers
        .adapter()
        .temporary_sync()
        .expect("it has commits wait")
        .begin_temporary_sync(&servers.endpoints())
        .await
        .expect("begun");
    // Applied, not only on the disk, so that the standby can be asked for it at once.
    connection.batch_execute("SET synchronous_commit = remote_apply").await.expect("a setting");
    signal_both("STOP");
    let mut commit = pin!(connection.batch_execute("INSERT INTO kept VALUES (7, 2)"));
    // It would be there within a millisecond; shorter than the sender's own timeout.
    let early = timeout(Duration::from_secs(1), commit.as_mut()).await;
    signal("CONT", receivers[1]);
    let acknowledged = timeout(PATIENCE, commit).await;
    signal("CONT", receivers[0]);
    assert!(early.is_err(), "acknowledged while both standbys hang: {early:?}");
    acknowledged.expect("one standby is enough").expect("a commit");
    assert_eq!(servers.value(2, "SELECT count(*)::text FROM kept WHERE writer = 7").await.as_deref(), Some("2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_in_a_file_that_alter_system_overruled_is_overruled_afterwards_too() {
    let servers = Servers::start_with("ANY 1 (\"another\")", Measures::Nothing).await;
    for number in 0..SERVERS {
        servers.run_sql(number, "ALTER SYSTEM SET synchronous_standby_names = ''").await;
        servers.run_sql(number, "SELECT pg_reload_conf()").await;
    }
    servers.settled().await;
    let adapter = servers.adapter();
    adapter
        .temporary_sync()
        .expect("it has commits wait")
        .begin_temporary_sync(&servers.endpoints())
        .await
        .expect("begun");
    adapter
        .temporary_sync()
        .expect("it has commits wait")
        .end_temporary_sync(&servers.endpoints())
        .await
        .expect("ended");
    assert_eq!(servers.value(0, RULE).await.as_deref(), Some(""), "commits wait for no standby, as before");
    assert_eq!(servers.value(0, LINES).await.as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_standby_can_have_the_commits_the_rule_is_put_back_instead_of_hanging_them() {
    let mut servers = asynchronous().await;
    servers.take_away(1);
    servers.take_away(2);
    assert_eq!(servers.assess().await.synchrony, SyncReplication::Unknown, "a silent standby may have a rule left");
    let refused = servers
        .adapter()
        .temporary_sync()
        .expect("it has commits wait")
        .begin_temporary_sync(&servers.endpoints())
        .await
        .expect_err("no standby to wait for");
    assert!(refused.to_string().contains("removed again"), "{refused}");
    assert_eq!(servers.value(0, RULE).await.as_deref(), Some(""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_of_the_users_own_is_neither_changed_nor_put_back() {
    let servers = Servers::start(Measures::Nothing).await;
    let adapter = servers.adapter();
    assert_eq!(servers.assess().await.synchrony, SyncReplication::Declared);
    adapter
        .temporary_sync()
        .expect("it has commits wait")
        .begin_temporary_sync(&servers.endpoints())
        .await
        .expect_err("commits wait already");
    adapter
        .temporary_sync()
        .expect("it has commits wait")
        .end_temporary_sync(&servers.endpoints())
        .await
        .expect("nothing to do");
    assert_eq!(servers.value(0, RULE).await.as_deref(), Some(ANY));
}
