//! Connections to members, one an incarnation, opened when first needed and kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use super::answers::TextRow;
use super::tls::Encrypting;
use crate::{DialConfig, Endpoint, ServerError};

/// How long a member may take to answer. A healthy server answers in a millisecond; two seconds leave room for a tunnel
/// through a busy API server, and still end before an assessment grows stale (3 s).
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// The database that questions are asked in: `initdb` creates it, and users rarely drop it.
const DATABASE: &str = "postgres";

/// The superuser that `initdb` creates unless another name is given.
pub(super) const SUPERUSER: &str = "postgres";

/// The open connections, by incarnation.
pub(super) struct Connections {
    database: &'static str,
    open: Mutex<HashMap<String, Arc<Client>>>,
}

impl Default for Connections {
    /// Connections to the database that questions are asked in.
    fn default() -> Self {
        Self::to_database(DATABASE)
    }
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}

impl Connections {
    /// Connections to a database by its name.
    pub(super) fn to_database(database: &'static str) -> Self {
        Self { database, open: Mutex::default() }
    }

    /// A connection to a member: the one kept, or a new one.
    pub(super) async fn to(&self, endpoint: &Endpoint) -> Result<Arc<Client>, ServerError> {
        if let Some(client) = self.open.lock().await.get(&endpoint.incarnation).filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(client));
        }
        let client = Arc::new(connect_to(endpoint.dial_config()?, self.database).await?);
        self.open.lock().await.insert(endpoint.incarnation.clone(), Arc::clone(&client));
        Ok(client)
    }

    /// Asks a member, and waits for its answer as long as `patience`. A connection that breaks or is silent is forgotten: a silent
    /// one would stay silent however healthy its server is. The next question opens another.
    pub(super) async fn ask(
        &self,
        endpoint: &Endpoint,
        questions: &str,
        patience: Duration,
    ) -> Result<Vec<Vec<TextRow>>, ServerError> {
        let client = self.to(endpoint).await?;
        let why = match timeout(patience, ask(&client, questions)).await {
            Ok(Ok(answers)) => return Ok(answers),
            Ok(Err(error)) => failure(&error),
            Err(_) => ServerError::NoAnswer(patience),
        };
        self.forget(endpoint).await;
        Err(why)
    }

    /// The only column of the only row of such an answer, if there is one and it is not NULL.
    pub(super) async fn value(
        &self,
        endpoint: &Endpoint,
        question: &str,
        patience: Duration,
    ) -> Result<Option<String>, ServerError> {
        let rows = self.ask(endpoint, question, patience).await?.into_iter().next().unwrap_or_default();
        Ok(rows.into_iter().next().and_then(|row| row.into_values().next()).flatten())
    }

    /// Forgets a connection that broke; the next call opens another.
    pub(super) async fn forget(&self, endpoint: &Endpoint) {
        self.open.lock().await.remove(&endpoint.incarnation);
    }
}

/// Opens a connection, with TLS and authentication as the configuration says.
pub(super) async fn connect(target: &DialConfig) -> Result<Client, ServerError> {
    connect_to(target, DATABASE).await
}

/// Opens a connection to a database by its name.
async fn connect_to(target: &DialConfig, database: &str) -> Result<Client, ServerError> {
    timeout(PATIENCE, dial(target, database)).await.map_err(|_| ServerError::NoConnection(PATIENCE))?
}

/// The session's functions and operators are the server's own: our user may be a superuser, and whatever its role's `search_path`
/// names first would be called with its rights (manual, "Writing SECURITY DEFINER Functions Safely").
async fn dial(target: &DialConfig, database: &str) -> Result<Client, ServerError> {
    let stream = reach(target).await?;
    let mut config = Config::new();
    config.dbname(database).application_name("kubectl-stateful");
    // A pooler's console knows no schemas and refuses the option.
    if database == DATABASE {
        config.options("-c search_path=pg_catalog");
    }
    config.user(target.credentials.username.as_deref().unwrap_or(SUPERUSER));
    if let Some(password) = &target.credentials.password {
        config.password(password.reveal());
    }
    // The driver of a connection runs as a task, which ends when the last user of the connection drops it.
    if let Some(tls) = &target.tls {
        let encrypting = Encrypting(tls.clone());
        let made = config.ssl_mode(SslMode::Require).connect_raw(stream, encrypting).await;
        let (client, driver) = made.map_err(|error| failure(&error))?;
        tokio::spawn(driver);
        Ok(client)
    } else {
        let made = config.ssl_mode(SslMode::Disable).connect_raw(stream, NoTls).await;
        let (client, driver) = made.map_err(|error| failure(&error))?;
        tokio::spawn(driver);
        Ok(client)
    }
}

/// The plain connection to a member's port.
pub(super) async fn reach(target: &DialConfig) -> Result<TcpStream, ServerError> {
    let stream = TcpStream::connect((target.host.as_str(), target.port))
        .await
        .map_err(|error| ServerError::Connection(error.to_string()))?;
    // Questions are small and answered one by one: waiting to fill a packet would only add to every pause measured.
    stream.set_nodelay(true).map_err(|error| ServerError::Connection(error.to_string()))?;
    Ok(stream)
}

/// Sends statements, and returns the rows of each statement's answer.
pub(super) async fn ask(client: &Client, questions: &str) -> Result<Vec<Vec<TextRow>>, tokio_postgres::Error> {
    let mut answers = Vec::new();
    let mut rows = Vec::new();
    for message in client.simple_query(questions).await? {
        match message {
            SimpleQueryMessage::Row(row) => {
                let column = |(index, column): (usize, &tokio_postgres::SimpleColumn)| {
                    (column.name().to_owned(), row.get(index).map(ToOwned::to_owned))
                };
                rows.push(row.columns().iter().enumerate().map(column).collect());
            }
            SimpleQueryMessage::CommandComplete(_) => answers.push(std::mem::take(&mut rows)),
            _ => {}
        }
    }
    Ok(answers)
}

/// A driver's error: the server's own refusal, or how the connection failed.
pub(super) fn failure(error: &tokio_postgres::Error) -> ServerError {
    let words = words(error);
    if error.as_db_error().is_some() { ServerError::Refused(words) } else { ServerError::Connection(words) }
}

/// A driver's error as a message: the server's own sentence where it gave one.
pub(super) fn words(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        return match said.code().code() {
            "28P01" => "it does not accept the password its pod refers to".to_owned(),
            code => format!("{} ({code})", said.message()),
        };
    }
    let why = std::error::Error::source(error).map(ToString::to_string);
    why.map_or_else(|| error.to_string(), |why| format!("{error}: {why}"))
}

/// Text as an SQL literal, whatever `standard_conforming_strings` says.
pub(super) fn literal(text: &str) -> String {
    format!(" E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
