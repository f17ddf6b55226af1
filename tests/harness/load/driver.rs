//! The load's client: the `redis` crate's own cluster client, set up as its documentation suggests and no better.

use std::time::Duration;

use anyhow::Result;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;

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
pub(super) struct Door {
    names: Names,
    password: String,
}

impl Door {
    pub(super) fn of(cluster: &RedisCluster<'_>) -> Self {
        Self { names: Names::of(cluster.namespace()), password: cluster.password().to_owned() }
    }

    pub(super) async fn open(&self) -> Result<ClusterConnection> {
        // One name, the headless Service's, as an application is configured.
        let client = ClusterClient::builder([format!("redis://:{}@redis:6379", self.password)])
            .connection_timeout(CONNECT_WITHIN)
            .response_timeout(ANSWER_WITHIN)
            .overall_response_timeout(Some(WRITE_WITHIN))
            .min_retry_wait(RETRY_AFTER.0)
            .max_retry_wait(RETRY_AFTER.1)
            .async_dns_resolver(self.names.clone())
            .build()?;
        Ok(client.get_async_connection().await?)
    }
}
