//! CouchDB 3.x: a cluster of equal nodes, each asked over HTTP. It has no primary and nothing is switched over: a write is
//! acknowledged once a quorum of the copies of its shard has it (201; 202 says that fewer have). Before a node is restarted
//! it tells load balancers to send it no clients (`maintenance_mode = nolb`).
//!
//! What is said of CouchDB here is from its manual (docs.couchdb.org, 3.x), section by section where it matters, and from
//! its source where the manual is silent. No CouchDB server was available: `recorded/` holds answers of the stand-in of
//! the tests (`tests/couchdb-stand-in`), whose behaviour is written after the same manual.

mod answers;
mod canary;
pub mod conditions;
mod connection_config;
mod connections;
mod interpret;
mod observe;
mod profile;
mod switchover;

pub use answers::{Answers, HttpAnswer, MemberAnswers};
pub use conditions::CONDITIONS;
pub use interpret::interpret;
pub use profile::PROFILE;

use stateful_safety::{Assessment, ConnectionConfig, ContainerFacts, Millis};
use tokio::sync::watch;

use crate::{
    BoxFuture, Canary, CanaryError, Endpoint, Engine, Finalization, Ledger, PoolerControl, Prepared,
    RestartPreparation, Switchover, SwitchoverError, TemporarySync, Watchers,
};
use connections::Connections;
use switchover::OffSince;

/// The adapter, with the connections it keeps open and which nodes it has taken off the load balancers.
#[derive(Debug, Default)]
pub struct Couchdb {
    connections: Connections,
    off_since: OffSince,
}

impl Couchdb {
    /// LOOK. Every member's answers, word for word: `assess` interprets them, and they are recorded for its tests.
    pub async fn observe(&self, endpoints: &[Endpoint]) -> Vec<MemberAnswers> {
        observe::observe(&self.connections, endpoints).await
    }
}

impl Engine for Couchdb {
    fn connection_config(&self, facts: &ContainerFacts) -> ConnectionConfig {
        connection_config::connection_config(facts)
    }

    fn assess<'a>(&'a self, endpoints: &'a [Endpoint], now: Millis) -> BoxFuture<'a, Assessment> {
        Box::pin(async move { interpret(&self.observe(endpoints).await, now) })
    }

    fn switchover(&self) -> Option<&dyn Switchover> {
        None
    }

    fn restart_preparation(&self) -> Option<&dyn RestartPreparation> {
        Some(self)
    }

    fn finalization(&self) -> Option<&dyn Finalization> {
        None
    }

    fn temporary_sync(&self) -> Option<&dyn TemporarySync> {
        None
    }

    fn pooler_control(&self) -> Option<&dyn PoolerControl> {
        None
    }

    fn watchers(&self) -> Option<&dyn Watchers> {
        None
    }

    fn canary(&self) -> Option<&dyn Canary> {
        Some(self)
    }
}

impl RestartPreparation for Couchdb {
    /// A node that is stopped cuts off its clients, so it is taken off the load balancers first.
    fn prepare_restart<'a>(
        &'a self,
        endpoints: &'a [Endpoint],
        member: &'a str,
    ) -> BoxFuture<'a, Result<Prepared, SwitchoverError>> {
        Box::pin(switchover::leave_load_balancers(&self.connections, &self.off_since, endpoints, member))
    }

    fn take_back<'a>(&'a self, endpoints: &'a [Endpoint], _watchers: &'a [Endpoint]) -> BoxFuture<'a, Vec<String>> {
        Box::pin(switchover::return_to_load_balancers(&self.connections, endpoints))
    }
}

impl Canary for Couchdb {
    fn run_canary(
        &self,
        endpoints: watch::Receiver<Vec<Endpoint>>,
        stop: watch::Receiver<bool>,
    ) -> BoxFuture<'_, Result<Ledger, CanaryError>> {
        Box::pin(canary::run(endpoints, stop))
    }
}
