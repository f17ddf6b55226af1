//! The load's client of a Redis Cluster: the cluster client of the `redis` crate.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use anyhow::Result;
use futures::FutureExt;
use futures::future::BoxFuture;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;

use super::hash_slots;
use super::resolver::{Resolver, SERVICE};
use super::{PORT, RedisCluster};
use crate::engines::Deployment;
use crate::load::{Client, Driver, WriteOutcome};

/// The driver's default, stated. For about 3 s the address of a deleted pod swallows packets, until the network answers that the
/// host is gone; the driver must not wait that long.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// How long one attempt to write may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// How long a write may take with all its retries. The driver's default is that of one attempt, which leaves no time for a
/// second one: its documentation recommends to set it.
const WRITE_WITHIN: Duration = Duration::from_secs(5);

/// The shortest and the longest wait between retries, in milliseconds. The default is at least 1.28 s, made for thousands of clients.
const RETRY_AFTER: (u64, u64) = (20, 500);

/// How a new client reaches the cluster.
#[derive(Clone)]
pub(super) struct ClusterDriver {
    resolver: Resolver,
    password: String,
}

impl std::fmt::Debug for ClusterDriver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterDriver").finish_non_exhaustive()
    }
}

impl ClusterDriver {
    pub(super) fn new(cluster: &RedisCluster) -> Self {
        Self { resolver: Resolver::new(cluster.namespace()), password: cluster.password().to_owned() }
    }

    async fn connection(&self) -> Result<ClusterConnection> {
        // By one name, that of the headless Service, as an application is configured.
        let client = ClusterClient::builder([format!("redis://:{}@{SERVICE}:{PORT}", self.password)])
            .connection_timeout(CONNECT_WITHIN)
            .response_timeout(ANSWER_WITHIN)
            .overall_response_timeout(Some(WRITE_WITHIN))
            .min_retry_wait(RETRY_AFTER.0)
            .max_retry_wait(RETRY_AFTER.1)
            .async_dns_resolver(self.resolver.clone())
            .build()?;
        Ok(client.get_async_connection().await?)
    }
}

impl Driver for ClusterDriver {
    fn key(&self, writer: usize) -> String {
        hash_slots::key(writer)
    }

    fn prepare(&self) -> BoxFuture<'_, Result<()>> {
        async { Ok(()) }.boxed() // a hash exists once it is written to
    }

    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn Client>>> {
        async { Ok(Box::new(ClusterClientOf(self.connection().await?)) as Box<dyn Client>) }.boxed()
    }
}

/// A client. The driver keeps a connection to each node, and replaces those that break.
struct ClusterClientOf(ClusterConnection);

impl Client for ClusterClientOf {
    /// Sets the field of that number to the number. That may be repeated, so the driver sends it again when a connection breaks.
    fn write<'a>(&'a mut self, key: &'a str, number: u64) -> BoxFuture<'a, WriteOutcome> {
        let connection = &mut self.0;
        async move {
            match redis::cmd("HSET").arg(key).arg(number).arg(number).query_async::<i64>(connection).await {
                Ok(_) => WriteOutcome::Acknowledged,
                // The driver gave up. With a code the last answer was a server's refusal. Everything else is a broken connection
                // or a deadline, after which the write may be there or not.
                Err(error) if error.code().is_some() => WriteOutcome::Failed(error.to_string()),
                Err(error) => WriteOutcome::Unknown(error.to_string()),
            }
        }
        .boxed()
    }

    /// The fields that hold their own number.
    fn read_back<'a>(&'a mut self, key: &'a str) -> BoxFuture<'a, Result<HashSet<u64>>> {
        let connection = &mut self.0;
        async move {
            let fields: HashMap<u64, u64> = redis::cmd("HGETALL").arg(key).query_async(connection).await?;
            Ok(fields.into_iter().filter(|(number, value)| number == value).map(|(number, _)| number).collect())
        }
        .boxed()
    }
}
