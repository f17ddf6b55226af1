//! `PgBouncer` in front of a PostgreSQL: found out over its admin console, which looks like a database named `pgbouncer`
//! and knows no extended protocol (its manual, "Admin console").

mod connection_config;
mod console;
mod standing;

use futures::future::join_all;
use stateful_safety::{ConnectionConfig, ContainerFacts};

use super::{Postgres, switchover};
use crate::{BoxFuture, Endpoint, Pool, PoolerControl, PoolerError, PoolerTarget, SwitchoverError};

pub(super) use console::{CONSOLE, named, say};
pub(super) use standing::{Connection, HURRIED, connections, is_served};

impl PoolerControl for Postgres {
    fn connection_config(&self, facts: &ContainerFacts) -> ConnectionConfig {
        connection_config::connection_config(facts)
    }

    fn ask<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, Result<Vec<Pool>, PoolerError>> {
        Box::pin(async move {
            let databases = say(&self.consoles, endpoint, "SHOW DATABASES").await?;
            let settings = say(&self.consoles, endpoint, "SHOW CONFIG").await?;
            Ok(standing::pools(&databases, &settings))
        })
    }

    fn pause<'a>(&'a self, fronts: &'a [PoolerTarget]) -> BoxFuture<'a, Result<(), SwitchoverError>> {
        Box::pin(switchover::poolers::pause(&self.consoles, fronts))
    }

    fn resume<'a>(&'a self, front: &'a PoolerTarget) -> BoxFuture<'a, Result<(), PoolerError>> {
        Box::pin(switchover::poolers::resume(&self.consoles, front))
    }

    fn repoint<'a>(
        &'a self,
        fronts: &'a [PoolerTarget],
        from: &'a Endpoint,
        to: &'a Endpoint,
    ) -> BoxFuture<'a, Vec<Result<(), PoolerError>>> {
        let between =
            switchover::repoint_poolers::Between { consoles: &self.consoles, connections: &self.connections, from, to };
        Box::pin(async move { join_all(fronts.iter().map(|front| between.repoint(front))).await })
    }
}
