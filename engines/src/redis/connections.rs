//! Connections to members, one an incarnation, opened when first needed and kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::{DialConfig, Endpoint, ServerError};

/// How long a member may take to answer one command. A healthy server answers in a millisecond; two seconds leave room
/// for a tunnel through a busy API server, and still end before an assessment grows stale (3 s).
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// The open connections, by incarnation.
#[derive(Default)]
pub(super) struct Connections {
    open: Mutex<HashMap<String, MultiplexedConnection>>,
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}

impl Connections {
    /// A connection to a member: the one kept, or a new one.
    pub(super) async fn to(&self, endpoint: &Endpoint) -> Result<MultiplexedConnection, ServerError> {
        if let Some(connection) = self.open.lock().await.get(&endpoint.incarnation) {
            return Ok(connection.clone());
        }
        let target = endpoint.dial_config()?;
        let connection = connect(target).await?;
        self.open.lock().await.insert(endpoint.incarnation.clone(), connection.clone());
        Ok(connection)
    }

    /// Forgets a connection that broke; the next call opens another.
    pub(super) async fn forget(&self, endpoint: &Endpoint) {
        self.open.lock().await.remove(&endpoint.incarnation);
    }
}

/// Opens a connection, with TLS and authentication as the configuration says.
pub(super) async fn connect(target: &DialConfig) -> Result<MultiplexedConnection, ServerError> {
    timeout(PATIENCE, dial(target)).await.map_err(|_| ServerError::NoConnection(PATIENCE))?
}

async fn dial(target: &DialConfig) -> Result<MultiplexedConnection, ServerError> {
    let stream = TcpStream::connect((target.host.as_str(), target.port))
        .await
        .map_err(|error| ServerError::Connection(error.to_string()))?;
    // Commands are small and answered one by one: waiting to fill a packet would only add to every pause measured.
    stream.set_nodelay(true).map_err(|error| ServerError::Connection(error.to_string()))?;
    let mut info = RedisConnectionInfo::default().set_skip_set_lib_name();
    if let Some(username) = &target.credentials.username {
        info = info.set_username(username);
    }
    if let Some(password) = &target.credentials.password {
        info = info.set_password(password.reveal());
    }
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
    let connection = if let Some(tls) = &target.tls {
        let name = ServerName::try_from(tls.server_name.clone())
            .map_err(|error| ServerError::Connection(error.to_string()))?;
        let stream = tokio_rustls::TlsConnector::from(Arc::clone(&tls.config))
            .connect(name, stream)
            .await
            .map_err(|error| ServerError::Connection(error.to_string()))?;
        start(MultiplexedConnection::new_with_config(&info, stream, config).await)
    } else {
        start(MultiplexedConnection::new_with_config(&info, stream, config).await)
    };
    connection.map_err(|error| failure(&error))
}

/// Runs the connection's driver as a task, which ends when the last clone of the connection is dropped.
fn start<F: Future<Output = ()> + Send + 'static>(
    made: redis::RedisResult<(MultiplexedConnection, F)>,
) -> redis::RedisResult<MultiplexedConnection> {
    made.map(|(connection, driver)| {
        tokio::spawn(driver);
        connection
    })
}

/// A driver's error: the server's own refusal, or how the connection failed.
pub(super) fn failure(error: &redis::RedisError) -> ServerError {
    let words = words(error);
    if error.code().is_some() { ServerError::Refused(words) } else { ServerError::Connection(words) }
}

/// A driver's error as a message: the server's own sentence where it gave one.
pub(super) fn words(error: &redis::RedisError) -> String {
    if error.kind() == redis::ErrorKind::AuthenticationFailed {
        return "it does not accept the password its pod refers to".to_owned();
    }
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        (Some(code), None) => code.to_owned(),
        _ => error.to_string(),
    }
}
