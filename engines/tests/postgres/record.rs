//! Records what PostgreSQL answers, for the tests of `interpret`: `make record`.

use stateful_engines::postgres::{Answers, MemberAnswers, Postgres};

use crate::common::database::Database;
use crate::common::recording::{ask_until, write};
use crate::common::turns::Measures;
use crate::postgres::servers::{ANY, PORT, Servers, name};

/// Asks until the answers are what the case is about, and writes them down.
async fn record(servers: &Servers, case: &str, is_about: impl Fn(&[MemberAnswers]) -> bool) {
    let adapter = Postgres::default();
    let seen = ask_until(case, async || adapter.observe(&servers.endpoints()).await, is_about).await;
    let release = servers.value(0, "SELECT (current_setting('server_version_num')::int / 10000)::text").await;
    write("postgres", &format!("{}-{case}", release.expect("a release")), &seen, Some("secret"));
}

/// How many rows of one kind a member answered with.
fn rows(seen: &[MemberAnswers], number: usize, of: impl Fn(&Answers) -> usize) -> usize {
    seen[number].answer.as_ref().map_or(0, of)
}

/// A setting, as a member answered.
fn field(seen: &[MemberAnswers], number: usize, field: &str) -> String {
    seen[number].answer.as_ref().ok().and_then(|said| said.field(field)).unwrap_or_default().to_owned()
}

async fn set_rule(servers: &Servers, rule: &str) {
    servers.run_sql(0, &format!("ALTER SYSTEM SET synchronous_standby_names = '{rule}'")).await;
    servers.run_sql(0, "SELECT pg_reload_conf()").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes engines/src/postgres/recorded: `make record`"]
async fn record_what_servers_answer() {
    let mut servers = Servers::start(Measures::Time).await;
    record(&servers, "healthy", |_| true).await;
    set_rule(&servers, "").await;
    record(&servers, "asynchronous", |seen| field(seen, 0, "synchronous_standby_names").is_empty()).await;
    set_rule(&servers, "FIRST 1 (\"pg-1\")").await;
    record(&servers, "one-listed", |seen| field(seen, 0, "synchronous_standby_names").starts_with("FIRST")).await;
    set_rule(&servers, ANY).await;

    servers.run_sql(2, "SELECT pg_wal_replay_pause()").await;
    record(&servers, "replay-paused", |seen| field(seen, 2, "replay_paused") == "t").await;
    servers.run_sql(2, "SELECT pg_wal_replay_resume()").await;

    let open = servers.connection(0).await;
    open.batch_execute("BEGIN; INSERT INTO kept VALUES (9, 9)").await.expect("begun");
    record(&servers, "transaction-open", |seen| rows(seen, 0, |said| said.transactions.len()) > 0).await;
    open.batch_execute("PREPARE TRANSACTION 'order-17'").await.expect("prepared");
    record(&servers, "transaction-prepared", |seen| rows(seen, 0, |said| said.prepared.len()) > 0).await;
    open.batch_execute("ROLLBACK PREPARED 'order-17'").await.expect("rolled back");

    servers.run_sql(0, "SELECT pg_create_logical_replication_slot('search', 'pgoutput')").await;
    record(&servers, "logical-slot", |seen| rows(seen, 0, |said| said.slots.len()) > 0).await;
    servers.run_sql(0, "SELECT pg_drop_replication_slot('search')").await;

    let mut backup = servers.program("pg_basebackup");
    backup.args(["--host", &servers.address(1), "--port", &PORT.to_string(), "--username", "postgres"]);
    backup.args(["--wal-method", "none", "--max-rate", "2M", "--pgdata"]).arg(servers.home.join("backup"));
    let mut backup = backup.spawn().expect("a backup");
    record(&servers, "backup-running", |seen| rows(seen, 1, |said| said.backups.len()) > 0).await;
    backup.kill().expect("killed");
    backup.wait().expect("ended");

    servers.take_away(2);
    record(&servers, "standby-gone", |seen| {
        seen[2].answer.is_err() && rows(seen, 0, |said| said.replication.len()) == 1
    })
    .await;
    servers.bring_back(2);
    servers.settled().await;

    servers.switch_over(&name(0), &name(1)).await.expect("a switchover");
    record(&servers, "just-handed-over", |seen| seen[0].answer.is_ok()).await;
    servers.settled().await;
    record(&servers, "handed-over", |_| true).await;

    servers.run_sql(2, "SELECT pg_promote()").await;
    record(&servers, "two-primaries", |seen| field(seen, 2, "in_recovery") == "f").await;
}
