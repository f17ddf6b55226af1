//! The load's client of PostgreSQL: `tokio-postgres`, which makes one connection and repairs nothing. As an application's
//! connection pool does, the client connects anew when its connection is closed, and never repeats a statement that was sent.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use crate::load::{Client as LoadClient, Driver, WriteOutcome};

/// How long one attempt to connect may take. For about 3 s the address of a deleted pod swallows packets, until the network
/// answers that the host is gone.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// How long a write may take, with all attempts to connect before it: as long as that of the Redis driver.
const WRITE_WITHIN: Duration = Duration::from_secs(5);

/// The shortest and the longest wait between attempts to connect; each is twice the one before. There is none before the first
/// attempt. Eight clients that connected more than five times a second each would keep two cores busy, and slow the servers.
const RETRY_AFTER: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(200));

/// How a new client reaches the database.
#[derive(Debug, Clone)]
pub(super) struct PostgresDriver {
    /// Its `Debug` prints no password.
    config: Arc<Config>,
    /// This load's own: rows of an earlier load must not stand in for rows that this one lost.
    table: String,
}

/// A client: its connection, unless the last one broke.
struct PostgresClient {
    driver: PostgresDriver,
    connection: Option<Connection>,
}

/// A connection, closed when dropped.
struct Connection {
    client: Client,
    talk: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.talk.abort();
    }
}

impl PostgresDriver {
    /// By the address of a server, a Service or a pooler, as a user of a database.
    pub(super) fn new(address: SocketAddr, user: &str, password: &str, database: &str) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let mut config = Config::new();
        config
            .host(address.ip().to_string())
            .port(address.port())
            .user(user)
            .password(password)
            .dbname(database)
            .application_name("load")
            .ssl_mode(SslMode::Disable)
            // As an application is configured that writes through a Service: a standby is not what it looks for.
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        let table = format!("load_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        Self { config: Arc::new(config), table }
    }

    async fn create_table(&self) -> Result<()> {
        let connection = self.connection().await?;
        let table = &self.table;
        let statement = format!(
            "DROP TABLE IF EXISTS {table}; CREATE TABLE {table} (writer text, number bigint, PRIMARY KEY (writer, number))"
        );
        Ok(connection.client.batch_execute(&statement).await?)
    }

    async fn connection(&self) -> Result<Connection> {
        let (client, talk) = timeout(CONNECT_WITHIN, self.config.connect(NoTls)).await.context("no answer")??;
        // An error that ends the connection is reported to the statement that waits for an answer.
        Ok(Connection { client, talk: tokio::spawn(async { drop(talk.await) }) })
    }
}

impl Driver for PostgresDriver {
    fn prepare(&self) -> BoxFuture<'_, Result<()>> {
        self.create_table().boxed()
    }

    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn LoadClient>>> {
        async {
            let connection = Some(self.connection().await?);
            Ok(Box::new(PostgresClient { driver: self.clone(), connection }) as Box<dyn LoadClient>)
        }
        .boxed()
    }
}

impl LoadClient for PostgresClient {
    fn write<'a>(&'a mut self, key: &'a str, number: u64) -> BoxFuture<'a, WriteOutcome> {
        self.insert(key, number).boxed()
    }

    fn read_back<'a>(&'a mut self, key: &'a str) -> BoxFuture<'a, Result<HashSet<u64>>> {
        self.select(key).boxed()
    }
}

impl PostgresClient {
    /// Inserts one row, in a transaction of its own.
    async fn insert(&mut self, writer: &str, number: u64) -> WriteOutcome {
        let until = Instant::now() + WRITE_WITHIN;
        let statement = format!("INSERT INTO {} VALUES ('{writer}', {number})", self.driver.table);
        let connection = match self.usable_connection(until).await {
            Ok(connection) => connection,
            Err(error) => return WriteOutcome::Failed(format!("never sent: {error:#}")),
        };
        // Sent as plain text: a prepared statement belongs to one server connection, and a pooler has many.
        let sent = connection.client.simple_query(&statement);
        let outcome = match timeout(until.saturating_duration_since(Instant::now()), sent).await {
            Ok(Ok(told)) if told.iter().any(|word| matches!(word, SimpleQueryMessage::CommandComplete(1))) => {
                return WriteOutcome::Acknowledged;
            }
            Ok(Ok(told)) => WriteOutcome::Unknown(format!("an answer to another question: {told:?}")),
            Ok(Err(error)) => outcome_of(error),
            Err(_) => WriteOutcome::Unknown("no answer".to_owned()),
        };
        self.connection = None;
        outcome
    }

    /// The rows of a writer.
    async fn select(&mut self, writer: &str) -> Result<HashSet<u64>> {
        let question = format!("SELECT number FROM {} WHERE writer = '{writer}'", self.driver.table);
        let connection = self.usable_connection(Instant::now() + WRITE_WITHIN).await?;
        let rows = timeout(WRITE_WITHIN, connection.client.simple_query(&question)).await.context("no answer")??;
        let numbers = rows.iter().filter_map(|row| match row {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        numbers.map(|number| Ok(number.parse()?)).collect()
    }

    /// The open connection, or a new one as soon as a server accepts it.
    async fn usable_connection(&mut self, until: Instant) -> Result<&Connection> {
        let kept = self.connection.take().filter(|connection| !connection.client.is_closed());
        let connection = match kept {
            Some(connection) => connection,
            None => connect_until(&self.driver, until).await?,
        };
        Ok(self.connection.insert(connection))
    }
}

async fn connect_until(driver: &PostgresDriver, until: Instant) -> Result<Connection> {
    let mut pause = RETRY_AFTER.0;
    loop {
        let error = match driver.connection().await {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        if Instant::now() + pause >= until {
            return Err(error);
        }
        sleep(pause).await;
        pause = (pause * 2).min(RETRY_AFTER.1);
    }
}

/// What an error tells about the statement that was sent.
fn outcome_of(error: tokio_postgres::Error) -> WriteOutcome {
    let did_nothing =
        error.as_db_error().is_some_and(|told| means_nothing_was_done(told.code(), told.parsed_severity()));
    let code = error.code().map_or("no code", SqlState::code).to_owned();
    let text = format!("{code}: {:#}", anyhow::Error::from(error));
    if did_nothing { WriteOutcome::Failed(text) } else { WriteOutcome::Unknown(text) }
}

/// Whether an error means that the statement did nothing. A server's error does, unless it is about something else than the
/// statement: a connection that broke behind a pooler (class 08: `PgBouncer` reports everything as `08P01`), a completion that the
/// server does not know itself (40003), the crash of another session (57P02) or of this one (PANIC).
fn means_nothing_was_done(code: &SqlState, severity: Option<Severity>) -> bool {
    let unsure = [&SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN, &SqlState::CRASH_SHUTDOWN].contains(&code);
    !unsure && !code.code().starts_with("08") && severity != Some(Severity::Panic)
}

#[cfg(test)]
mod tests {
    use super::{Severity, SqlState, means_nothing_was_done};

    #[test]
    fn only_an_error_about_the_statement_means_that_it_did_nothing() {
        let fatal = Some(Severity::Fatal);
        for no in [&SqlState::ADMIN_SHUTDOWN, &SqlState::READ_ONLY_SQL_TRANSACTION, &SqlState::UNIQUE_VIOLATION] {
            assert!(means_nothing_was_done(no, fatal), "{no:?}");
        }
        for unsure in [
            &SqlState::PROTOCOL_VIOLATION,
            &SqlState::CONNECTION_FAILURE,
            &SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN,
            &SqlState::CRASH_SHUTDOWN,
        ] {
            assert!(!means_nothing_was_done(unsure, fatal), "{unsure:?}");
        }
        assert!(!means_nothing_was_done(&SqlState::DISK_FULL, Some(Severity::Panic)));
    }
}
