//! The load's client of a primary with replicas: it writes to whichever member says that it is the primary, and looks for it anew after
//! an error.

use std::collections::{HashMap, HashSet};
use std::fmt::{Debug, Formatter};

use anyhow::{Context, Result};
use futures::FutureExt;
use futures::future::BoxFuture;
use redis::RedisError;

use super::resolver::{Resolver, SERVICE};
use super::{PORT, RedisReplication, Server};
use crate::engines::Deployment;
use crate::load::{Client, Driver, WriteOutcome};

/// How a new client reaches the primary.
#[derive(Clone)]
pub(super) struct ReplicationDriver {
    resolver: Resolver,
}

impl Debug for ReplicationDriver {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReplicationDriver").finish_non_exhaustive()
    }
}

impl ReplicationDriver {
    pub(super) fn new(database: &RedisReplication) -> Self {
        Self { resolver: Resolver::new(database.namespace()) }
    }

    async fn primary(&self) -> Result<Server> {
        for address in self.resolver.sockets(SERVICE, PORT).await? {
            let Ok(mut server) = Server::connect(address, None).await else { continue };
            if let Ok(Some(role)) = server.field(&["INFO", "replication"], "role").await
                && role == "master"
            {
                return Ok(server);
            }
        }
        anyhow::bail!("no member says that it is the primary")
    }
}

impl Driver for ReplicationDriver {
    fn prepare(&self) -> BoxFuture<'_, Result<()>> {
        async { Ok(()) }.boxed() // a hash exists once it is written to
    }

    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn Client>>> {
        async {
            let server = Some(self.primary().await?);
            Ok(Box::new(ReplicationClient { driver: self.clone(), server }) as Box<dyn Client>)
        }
        .boxed()
    }
}

/// A client, and the server that was the primary when it last looked.
struct ReplicationClient {
    driver: ReplicationDriver,
    server: Option<Server>,
}

impl ReplicationClient {
    async fn connected(&mut self) -> Result<&mut Server> {
        if self.server.is_none() {
            self.server = Some(self.driver.primary().await?);
        }
        self.server.as_mut().context("it was just connected")
    }
}

impl Client for ReplicationClient {
    /// Sets the field of that number to the number.
    fn write<'a>(&'a mut self, key: &'a str, number: u64) -> BoxFuture<'a, WriteOutcome> {
        async move {
            let server = match self.connected().await {
                Ok(server) => server,
                Err(error) => return WriteOutcome::Failed(format!("never sent: {error:#}")),
            };
            let number = number.to_string();
            let Err(error) = server.ask::<i64>(&["HSET", key, &number, &number]).await else {
                return WriteOutcome::Acknowledged;
            };
            self.server = None;
            // With a code it is the server's refusal. Everything else is a broken connection or a deadline, after which the write may
            // be there or not.
            let is_refusal = error.downcast_ref::<RedisError>().is_some_and(|error| error.code().is_some());
            let text = format!("{error:#}");
            if is_refusal { WriteOutcome::Failed(text) } else { WriteOutcome::Unknown(text) }
        }
        .boxed()
    }

    /// The fields that hold their own number.
    fn read_back<'a>(&'a mut self, key: &'a str) -> BoxFuture<'a, Result<HashSet<u64>>> {
        async move {
            let fields: HashMap<u64, u64> = self.connected().await?.ask(&["HGETALL", key]).await?;
            Ok(fields.into_iter().filter(|(number, value)| number == value).map(|(number, _)| number).collect())
        }
        .boxed()
    }
}
