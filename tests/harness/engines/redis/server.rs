//! One Redis server, asked directly.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue};

/// Longer than any healthy answer takes, and short enough for a law to ask six servers one after another.
const PATIENCE: Duration = Duration::from_secs(2);

/// A connection to one server.
#[derive(Clone)]
pub struct Server {
    connection: MultiplexedConnection,
}

impl Server {
    /// Connects to it.
    pub(super) async fn connect(address: SocketAddr, password: Option<&str>) -> Result<Self> {
        let client = Client::open(url(address, password))?;
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
        let connection = client.get_multiplexed_async_connection_with_config(&config).await;
        Ok(Self { connection: connection.with_context(|| format!("no connection to {address}"))? })
    }

    /// Sends one command and returns the answer.
    pub async fn ask<T: FromRedisValue>(&mut self, words: &[&str]) -> Result<T> {
        let mut command = redis::Cmd::new();
        command.arg(words);
        command.query_async(&mut self.connection).await.with_context(|| words.join(" "))
    }

    /// One field of an answer of `name:value` lines.
    pub async fn field(&mut self, words: &[&str], name: &str) -> Result<Option<String>> {
        let answer: String = self.ask(words).await?;
        Ok(answer
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(|value| value.trim().to_owned())))
    }
}

/// A server's address as the driver takes it.
fn url(address: SocketAddr, password: Option<&str>) -> String {
    match password {
        Some(password) => format!("redis://:{password}@{address}"),
        None => format!("redis://{address}"),
    }
}
