//! One Redis server, asked directly.

use std::time::Duration;

use anyhow::{Context, Result};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue};

/// Longer than any healthy answer takes, and no longer than a proof can afford for each of six.
const PATIENCE: Duration = Duration::from_secs(2);

/// A connection to one server.
#[derive(Clone)]
pub struct Server {
    link: MultiplexedConnection,
}

impl Server {
    /// Dials it.
    pub async fn dial(address: &str, password: Option<&str>) -> Result<Self> {
        let client = Client::open(url(address, password))?;
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
        let link = client.get_multiplexed_async_connection_with_config(&config).await;
        Ok(Self { link: link.with_context(|| format!("no connection to {address}"))? })
    }

    /// Says one command.
    pub async fn ask<T: FromRedisValue>(&mut self, words: &[&str]) -> Result<T> {
        let mut command = redis::Cmd::new();
        command.arg(words);
        command.query_async(&mut self.link).await.with_context(|| words.join(" "))
    }

    /// One field of an answer of `name:value` lines.
    pub async fn field(&mut self, words: &[&str], name: &str) -> Result<Option<String>> {
        let told: String = self.ask(words).await?;
        Ok(told
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(|value| value.trim().to_owned())))
    }
}

/// A server's address as drivers take it.
pub(crate) fn url(address: &str, password: Option<&str>) -> String {
    match password {
        Some(password) => format!("redis://:{password}@{address}:6379"),
        None => format!("redis://{address}:6379"),
    }
}
