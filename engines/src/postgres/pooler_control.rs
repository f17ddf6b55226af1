//! The pooler capability of PostgreSQL: `PgBouncer` through its console, and the parts of a switchover that pause it.

use futures::future::join_all;
use stateful_safety::{ConnectionConfig, ContainerFacts};

use super::{Postgres, pooler, switchover};
use crate::{BoxFuture, Endpoint, Pool, PoolerControl, PoolerError, PoolerTarget, SwitchoverError};

impl PoolerControl for Postgres {
    fn connection_config(&self, facts: &ContainerFacts) -> ConnectionConfig {
        pooler::connection_config(facts)
    }

    fn ask<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, Result<Vec<Pool>, PoolerError>> {
        Box::pin(async move {
            let databases = pooler::query_console(&self.consoles, endpoint, "SHOW DATABASES").await?;
            let settings = pooler::query_console(&self.consoles, endpoint, "SHOW CONFIG").await?;
            Ok(pooler::pools(&databases, &settings))
        })
    }

    fn pause<'a>(&'a self, poolers: &'a [PoolerTarget]) -> BoxFuture<'a, Result<(), SwitchoverError>> {
        Box::pin(switchover::poolers::pause(&self.consoles, poolers))
    }

    fn resume<'a>(&'a self, pooler: &'a PoolerTarget) -> BoxFuture<'a, Result<(), PoolerError>> {
        Box::pin(switchover::poolers::resume(&self.consoles, pooler))
    }

    fn repoint<'a>(
        &'a self,
        poolers: &'a [PoolerTarget],
        from: &'a Endpoint,
        to: &'a Endpoint,
    ) -> BoxFuture<'a, Vec<Result<(), PoolerError>>> {
        let between = switchover::repoint_poolers::PoolerRepoint {
            consoles: &self.consoles,
            connections: &self.connections,
            from,
            to,
        };
        Box::pin(async move { join_all(poolers.iter().map(|pooler| between.repoint(pooler))).await })
    }
}
