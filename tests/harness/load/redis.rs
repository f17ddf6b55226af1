//! The load's client of a Redis Cluster: the `redis` crate's own cluster client.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use anyhow::Result;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;

use super::driver::Answer;
use super::resolver::Names;
use crate::RedisCluster;

/// The driver's default, said aloud. The address of a pod that is gone swallows packets for about 3 s before anybody
/// says that nobody is there; the driver must not wait that long.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// How long one attempt may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// How long a write may take with all its retries. The driver's default is that of one attempt, which leaves no time
/// for a second one: its documentation says to set it.
const WRITE_WITHIN: Duration = Duration::from_secs(5);

/// Waits between retries, in milliseconds. The default is never less than 1.28 s, made for thousands of clients.
const RETRY_AFTER: (u64, u64) = (20, 500);

/// Where the database is, for a new client.
#[derive(Debug, Clone)]
pub(in crate::load) struct Door {
    names: Names,
    password: String,
}

impl Door {
    pub(super) fn of(cluster: &RedisCluster<'_>) -> Self {
        Self { names: Names::of(cluster.namespace()), password: cluster.password().to_owned() }
    }

    pub(super) async fn open(&self) -> Result<Link> {
        // One name, the headless Service's, as an application is configured.
        let client = ClusterClient::builder([format!("redis://:{}@redis:6379", self.password)])
            .connection_timeout(CONNECT_WITHIN)
            .response_timeout(ANSWER_WITHIN)
            .overall_response_timeout(Some(WRITE_WITHIN))
            .min_retry_wait(RETRY_AFTER.0)
            .max_retry_wait(RETRY_AFTER.1)
            .async_dns_resolver(self.names.clone())
            .build()?;
        Ok(Link { connection: client.get_async_connection().await? })
    }
}

/// A client. The driver keeps a connection to each node, and mends them.
pub(in crate::load) struct Link {
    connection: ClusterConnection,
}

impl Link {
    /// Sets the field of that number to it. That is repeatable, so the driver may send it again when a connection breaks.
    pub(super) async fn write(&mut self, key: &str, number: u64) -> Answer {
        let link = &mut self.connection;
        match redis::cmd("HSET").arg(key).arg(number).arg(number).query_async::<i64>(link).await {
            Ok(_) => Answer::Acknowledged,
            // The driver gave up. Where the server's own word is the last one heard, it said no. Everything else is a
            // broken connection or a deadline, after which nobody knows.
            Err(error) if error.code().is_some() => Answer::Failed(error.to_string()),
            Err(error) => Answer::Unknown(error.to_string()),
        }
    }

    /// The fields that hold their own number.
    pub(super) async fn numbers(&mut self, key: &str) -> Result<HashSet<u64>> {
        let fields: HashMap<u64, u64> = redis::cmd("HGETALL").arg(key).query_async(&mut self.connection).await?;
        Ok(fields.into_iter().filter(|(number, value)| number == value).map(|(number, _)| number).collect())
    }
}
