//! CouchDB 3.x: a cluster of equals, spoken to node by node over HTTP. Nobody leads it and nothing is switched over: a write is
//! acknowledged once a quorum of the copies of its shard has it (201; 202 says that fewer have). Before a node is restarted
//! it tells load balancers to lead nobody to it (`maintenance_mode = nolb`).
//!
//! What is said of CouchDB here is from its manual (docs.couchdb.org, 3.x), section by section where it matters, and from
//! its source where the manual is silent. No server of it was to be had: what `recorded/` holds was said by the stand-in of
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

pub use answers::{Answers, Seen, Told};
pub use conditions::CONDITIONS;
pub use interpret::interpret;
pub use profile::PROFILE;

use stateful_safety::{Assessment, ConnectionConfig, ContainerFacts, Millis};
use tokio::sync::watch;

use crate::{BoxFuture, ClientPause, CompletedSwitchover, Endpoint, Engine, Ledger, Prepared, SwitchoverError};
use connections::Connections;
use switchover::Asked;

/// The adapter, with the connections it keeps open and what it has asked nodes for.
#[derive(Debug, Default)]
pub struct Couchdb {
    connections: Connections,
    asked: Asked,
}

impl Couchdb {
    /// LOOK. What every member says, word for word: what `assess` interprets, and what is recorded for its tests.
    pub async fn observe(&self, endpoints: &[Endpoint]) -> Vec<Seen> {
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

    fn watcher_port(&self) -> u16 {
        PROFILE.default_port
    }

    /// Nobody: the nodes watch over each other.
    fn watchers<'a>(&'a self, _doors: &'a [Endpoint]) -> BoxFuture<'a, Vec<String>> {
        Box::pin(async { Vec::new() })
    }

    /// The judge lets nobody ask for it, since nobody leads.
    fn switch_over<'a>(
        &'a self,
        _doors: &'a [Endpoint],
        _watchers: &'a [Endpoint],
        from: &'a str,
        _to: &'a str,
        _gate: &'a dyn ClientPause,
    ) -> BoxFuture<'a, Result<CompletedSwitchover, SwitchoverError>> {
        Box::pin(async move {
            let why = "nobody leads a CouchDB: there is nothing to switch over".to_owned();
            Err(SwitchoverError::Refused { member: from.to_owned(), why })
        })
    }

    /// A node that is ended with clients on it cuts them off; so it is made to look away from load balancers first.
    fn prepare_restart<'a>(
        &'a self,
        endpoints: &'a [Endpoint],
        member: &'a str,
    ) -> BoxFuture<'a, Result<Prepared, SwitchoverError>> {
        Box::pin(switchover::leave_balancers(&self.connections, &self.asked, endpoints, member))
    }

    fn take_back<'a>(&'a self, endpoints: &'a [Endpoint]) -> BoxFuture<'a, Vec<String>> {
        Box::pin(switchover::come_back(&self.connections, endpoints))
    }

    fn canary(
        &self,
        endpoints: watch::Receiver<Vec<Endpoint>>,
        stop: watch::Receiver<bool>,
    ) -> BoxFuture<'_, Result<Ledger, String>> {
        Box::pin(canary::run(endpoints, stop))
    }
}
