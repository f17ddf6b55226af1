//! `PgBouncer` in front of a PostgreSQL: found out over its admin console, which looks like a database named `pgbouncer`
//! and knows no extended protocol (its manual, "Admin console").

mod console;
mod entrance;
mod standing;

use futures::future::join_all;
use stateful_safety::{ContainerFacts, Entrance};

use super::{Postgres, hand_over};
use crate::{BoxFuture, Door, Front, HandOverError, Pool, Pooling};

pub(super) use console::{CONSOLE, named, say};
pub(super) use standing::{Connection, HURRIED, connections, is_served};

impl Pooling for Postgres {
    fn entrance(&self, facts: &ContainerFacts) -> Entrance {
        entrance::entrance(facts)
    }

    fn ask<'a>(&'a self, door: &'a Door) -> BoxFuture<'a, Result<Vec<Pool>, String>> {
        Box::pin(async move {
            let databases = say(&self.consoles, door, "SHOW DATABASES").await?;
            let settings = say(&self.consoles, door, "SHOW CONFIG").await?;
            Ok(standing::pools(&databases, &settings))
        })
    }

    fn pause<'a>(&'a self, fronts: &'a [Front]) -> BoxFuture<'a, Result<(), HandOverError>> {
        Box::pin(hand_over::poolers::pause(&self.consoles, fronts))
    }

    fn resume<'a>(&'a self, front: &'a Front) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(hand_over::poolers::resume(&self.consoles, front))
    }

    fn lead_on<'a>(
        &'a self,
        fronts: &'a [Front],
        from: &'a Door,
        to: &'a Door,
    ) -> BoxFuture<'a, Vec<Result<(), String>>> {
        let between = hand_over::lead_on::Between { consoles: &self.consoles, links: &self.links, from, to };
        Box::pin(async move { join_all(fronts.iter().map(|front| between.lead_on(front))).await })
    }
}
