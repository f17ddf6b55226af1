//! Records what real servers say, for the tests of `interpret`: `UPDATE_RECORDED=1 cargo test -p stateful-engines --test
//! postgres record`. A case is the members' answers at one moment, word for word.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use stateful_engines::NoClientPause;
use stateful_engines::Switchover;
use stateful_engines::postgres::{Postgres, Seen};

use crate::servers::{PATIENCE, Servers, name};
use crate::switchover::ANY;

/// Asks until what is said is what the case is about, and writes it down.
async fn record(servers: &Servers, case: &str, about: impl Fn(&[Seen]) -> bool) {
    let engine = Postgres::default();
    let begun = Instant::now();
    let seen = loop {
        let seen = engine.observe(&servers.endpoints()).await;
        if about(&seen) {
            break seen;
        }
        assert!(begun.elapsed() < PATIENCE, "{case}: {seen:#?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let release = servers.word(0, "SELECT (current_setting('server_version_num')::int / 10000)::text").await;
    let file = format!("{}-{case}.json", release.expect("a release"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/postgres/recorded").join(file);
    let text = serde_json::to_string_pretty(&seen).expect("text");
    assert!(!text.contains("secret"), "{case}: a password was said");
    fs::write(path, format!("{text}\n")).expect("a file");
}

/// The rows of one kind a member answered with.
fn rows(seen: &[Seen], number: usize, of: impl Fn(&stateful_engines::postgres::Answers) -> usize) -> usize {
    seen[number].answer.as_ref().map_or(0, of)
}

#[tokio::test(flavor = "multi_thread")]
async fn record_what_servers_say() {
    if std::env::var_os("UPDATE_RECORDED").is_none() {
        return;
    }
    let Some(mut servers) = Servers::start(ANY).await else { return };
    record(&servers, "healthy", |_| true).await;
    let order = async |servers: &Servers, number: usize, order: &str| {
        servers.link(number).await.batch_execute(order).await.expect("done");
    };
    let rule = async |servers: &Servers, rule: &str| {
        order(servers, 0, &format!("ALTER SYSTEM SET synchronous_standby_names = '{rule}'")).await;
        order(servers, 0, "SELECT pg_reload_conf()").await;
    };
    let said = |seen: &[Seen], number: usize, field: &str| -> String {
        seen[number].answer.as_ref().ok().and_then(|said| said.field(field)).unwrap_or_default().to_owned()
    };
    rule(&servers, "").await;
    record(&servers, "asynchronous", |seen| said(seen, 0, "synchronous_standby_names").is_empty()).await;
    rule(&servers, "FIRST 1 (\"pg-1\")").await;
    record(&servers, "one-listed", |seen| said(seen, 0, "synchronous_standby_names").starts_with("FIRST")).await;
    rule(&servers, ANY).await;

    order(&servers, 2, "SELECT pg_wal_replay_pause()").await;
    record(&servers, "replay-paused", |seen| said(seen, 2, "replay_paused") == "t").await;
    order(&servers, 2, "SELECT pg_wal_replay_resume()").await;

    let open = servers.link(0).await;
    open.batch_execute("BEGIN; INSERT INTO kept VALUES (9, 9)").await.expect("begun");
    record(&servers, "transaction-open", |seen| rows(seen, 0, |said| said.transactions.len()) > 0).await;
    open.batch_execute("PREPARE TRANSACTION 'order-17'").await.expect("prepared");
    record(&servers, "transaction-prepared", |seen| rows(seen, 0, |said| said.prepared.len()) > 0).await;
    open.batch_execute("ROLLBACK PREPARED 'order-17'").await.expect("rolled back");

    order(&servers, 0, "SELECT pg_create_logical_replication_slot('search', 'pgoutput')").await;
    record(&servers, "logical-slot", |seen| rows(seen, 0, |said| said.slots.len()) > 0).await;
    order(&servers, 0, "SELECT pg_drop_replication_slot('search')").await;

    let copy = servers.home.join("backup");
    let mut backup = servers.program("pg_basebackup");
    backup.args([
        "--host",
        "127.0.54.2",
        "--port",
        "54329",
        "--username",
        "postgres",
        "--wal-method",
        "none",
        "--max-rate",
        "2M",
        "--pgdata",
    ]);
    let mut backup = backup.arg(&copy).spawn().expect("a backup");
    record(&servers, "backup-running", |seen| rows(seen, 1, |said| said.backups.len()) > 0).await;
    backup.kill().expect("killed");
    backup.wait().expect("ended");

    servers.take_away(2);
    record(&servers, "standby-gone", |seen| {
        seen[2].answer.is_err() && rows(seen, 0, |said| said.replication.len()) == 1
    })
    .await;
    servers.bring_back(2);
    servers.whole().await;

    let engine = Postgres::default();
    engine.switch_over(&servers.endpoints(), &[], &name(0), &name(1), &NoClientPause).await.expect("a switchover");
    record(&servers, "just-handed-over", |seen| seen[0].answer.is_ok()).await;
    servers.whole().await;
    record(&servers, "handed-over", |_| true).await;

    order(&servers, 2, "SELECT pg_promote()").await;
    record(&servers, "two-primaries", |seen| said(seen, 2, "in_recovery") == "f").await;
}
