//! The load's client of PostgreSQL: `tokio-postgres`, which makes one connection and mends nothing. As an application's
//! pool does, a new one is made when the old one is closed; a statement that was sent is never sent again.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use super::driver::Answer;

/// How long one attempt to connect may take. The address of a pod that is gone swallows packets for about 3 s before
/// anybody says that nobody is there.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// How long a write may take, with all attempts to connect before it: as long as that of the Redis driver.
const WRITE_WITHIN: Duration = Duration::from_secs(5);

/// Waits between attempts to connect: the first, doubled until the last. Nobody waits before the very first one. Eight
/// clients that asked more often than five times a second each would keep two cores busy, and the servers waiting.
const RETRY_AFTER: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(200));

/// Where the database is, for a new client.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    /// Prints no password.
    config: Arc<Config>,
    /// This load's own: what an earlier one left behind must not stand in for what this one lost.
    table: String,
}

/// A client: a connection, unless the last one broke.
pub(in crate::load) struct Link {
    door: Door,
    connection: Option<Connection>,
}

/// A connection, which ends when dropped.
struct Connection {
    client: Client,
    talk: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.talk.abort();
    }
}

impl Door {
    /// A server's, a Service's or a pooler's address, as a user of a database.
    pub(crate) fn new(address: SocketAddr, user: &str, password: &str, database: &str) -> Self {
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
            // What an application says that has a Service in front of a primary: a standby is not what it looks for.
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        let table = format!("load_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        Self { config: Arc::new(config), table }
    }

    pub(super) async fn open(&self) -> Result<Link> {
        Ok(Link { door: self.clone(), connection: Some(self.connect().await?) })
    }

    pub(super) async fn make_table(&self) -> Result<()> {
        let connection = self.connect().await?;
        let table = &self.table;
        let statement = format!(
            "DROP TABLE IF EXISTS {table}; CREATE TABLE {table} (writer text, number bigint, PRIMARY KEY (writer, number))"
        );
        Ok(connection.client.batch_execute(&statement).await?)
    }

    async fn connect(&self) -> Result<Connection> {
        let (client, talk) = timeout(CONNECT_WITHIN, self.config.connect(NoTls)).await.context("no answer")??;
        // What ends it is told to whoever is waiting for an answer.
        Ok(Connection { client, talk: tokio::spawn(async { drop(talk.await) }) })
    }
}

impl Link {
    /// Inserts one row, in a transaction of its own.
    pub(super) async fn write(&mut self, writer: &str, number: u64) -> Answer {
        let until = Instant::now() + WRITE_WITHIN;
        let statement = format!("INSERT INTO {} VALUES ('{writer}', {number})", self.door.table);
        let connection = match self.connection(until).await {
            Ok(connection) => connection,
            Err(error) => return Answer::Failed(format!("never sent: {error:#}")),
        };
        // As plain text: a statement that is prepared first belongs to one server connection, and a pooler has many.
        let sent = connection.client.simple_query(&statement);
        let answer = match timeout(until.saturating_duration_since(Instant::now()), sent).await {
            Ok(Ok(told)) if told.iter().any(|word| matches!(word, SimpleQueryMessage::CommandComplete(1))) => {
                return Answer::Acknowledged;
            }
            Ok(Ok(told)) => Answer::Unknown(format!("an answer to another question: {told:?}")),
            Ok(Err(error)) => refused(error),
            Err(_) => Answer::Unknown("no answer".to_owned()),
        };
        self.connection = None;
        answer
    }

    /// The rows of a writer.
    pub(super) async fn numbers(&mut self, writer: &str) -> Result<HashSet<u64>> {
        let question = format!("SELECT number FROM {} WHERE writer = '{writer}'", self.door.table);
        let connection = self.connection(Instant::now() + WRITE_WITHIN).await?;
        let rows = timeout(WRITE_WITHIN, connection.client.simple_query(&question)).await.context("no answer")??;
        let numbers = rows.iter().filter_map(|row| match row {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        numbers.map(|number| Ok(number.parse()?)).collect()
    }

    /// The connection, or a new one as soon as there is one to be had.
    async fn connection(&mut self, until: Instant) -> Result<&Connection> {
        let kept = self.connection.take().filter(|connection| !connection.client.is_closed());
        let connection = match kept {
            Some(connection) => connection,
            None => connect_until(&self.door, until).await?,
        };
        Ok(self.connection.insert(connection))
    }
}

async fn connect_until(door: &Door, until: Instant) -> Result<Connection> {
    let mut pause = RETRY_AFTER.0;
    loop {
        let error = match door.connect().await {
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

/// What an error says of the statement that was sent.
fn refused(error: tokio_postgres::Error) -> Answer {
    let said_no = error.as_db_error().is_some_and(|said| says_no(said.code(), said.parsed_severity()));
    let code = error.code().map_or("no code", SqlState::code).to_owned();
    let text = format!("{code}: {:#}", anyhow::Error::from(error));
    if said_no { Answer::Failed(text) } else { Answer::Unknown(text) }
}

/// Whether an error means that the statement did nothing. A server's own word does, save where it speaks of something
/// else than the statement: a connection that broke behind a pooler (class 08: `PgBouncer` says `08P01` for all it has to
/// say), a completion it does not know itself (40003), a crash of somebody else's (57P02) or its own (PANIC).
fn says_no(code: &SqlState, severity: Option<Severity>) -> bool {
    let unsure = [&SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN, &SqlState::CRASH_SHUTDOWN].contains(&code);
    !unsure && !code.code().starts_with("08") && severity != Some(Severity::Panic)
}

#[cfg(test)]
mod tests {
    use super::{Severity, SqlState, says_no};

    #[test]
    fn only_a_server_that_speaks_of_the_statement_says_no() {
        let fatal = Some(Severity::Fatal);
        for no in [&SqlState::ADMIN_SHUTDOWN, &SqlState::READ_ONLY_SQL_TRANSACTION, &SqlState::UNIQUE_VIOLATION] {
            assert!(says_no(no, fatal), "{no:?}");
        }
        for unsure in [
            &SqlState::PROTOCOL_VIOLATION,
            &SqlState::CONNECTION_FAILURE,
            &SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN,
            &SqlState::CRASH_SHUTDOWN,
        ] {
            assert!(!says_no(unsure, fatal), "{unsure:?}");
        }
        assert!(!says_no(&SqlState::DISK_FULL, Some(Severity::Panic)));
    }
}
