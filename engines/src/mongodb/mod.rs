//! MongoDB 4.4 and newer: a replica set, spoken to member by member through the official driver.

mod answers;
mod canary;
pub mod conditions;
mod connection_config;
mod connections;
mod finalize;
mod interpret;
mod observe;
mod profile;
mod relay;
mod sharding;
mod switchover;

pub use answers::{Answers, Cluster, Seen, Withheld};
pub use conditions::CONDITIONS;
pub use interpret::interpret;
pub use profile::PROFILE;
pub use sharding::{Balancer, Part, Sharding};

use stateful_safety::{Assessment, ConnectionConfig, ContainerFacts, Millis, Version};
use tokio::sync::watch;

use crate::{BoxFuture, ClientPause, CompletedSwitchover, Endpoint, Engine, Ledger, Prepared, SwitchoverError};
use connections::Connections;

/// The adapter, with the connections it keeps open.
#[derive(Debug, Default)]
pub struct Mongodb {
    connections: Connections,
}

impl Mongodb {
    /// LOOK. What every member says, word for word: what `assess` interprets, and what is recorded for its tests.
    pub async fn observe(&self, endpoints: &[Endpoint]) -> Vec<Seen> {
        observe::observe(&self.connections, endpoints).await
    }
}

impl Engine for Mongodb {
    fn connection_config(&self, facts: &ContainerFacts) -> ConnectionConfig {
        connection_config::connection_config(facts)
    }

    fn assess<'a>(&'a self, endpoints: &'a [Endpoint], now: Millis) -> BoxFuture<'a, Assessment> {
        Box::pin(async move { interpret(&self.observe(endpoints).await, now) })
    }

    fn watcher_port(&self) -> u16 {
        PROFILE.default_port
    }

    /// Nobody: the members of a set watch over each other.
    fn watchers<'a>(&'a self, _doors: &'a [Endpoint]) -> BoxFuture<'a, Vec<String>> {
        Box::pin(async { Vec::new() })
    }

    fn switch_over<'a>(
        &'a self,
        endpoints: &'a [Endpoint],
        _watchers: &'a [Endpoint],
        from: &'a str,
        to: &'a str,
        _gate: &'a dyn ClientPause,
    ) -> BoxFuture<'a, Result<CompletedSwitchover, SwitchoverError>> {
        Box::pin(switchover::switch_over(&self.connections, endpoints, from, to))
    }

    /// A member that comes back is a secondary until it is elected, but others may be reading from it.
    fn prepare_restart<'a>(
        &'a self,
        endpoints: &'a [Endpoint],
        member: &'a str,
    ) -> BoxFuture<'a, Result<Prepared, SwitchoverError>> {
        Box::pin(switchover::nobody_reads_from(&self.connections, endpoints, member))
    }

    fn finalize<'a>(
        &'a self,
        endpoints: &'a [Endpoint],
        release: &'a Version,
    ) -> BoxFuture<'a, Result<(), SwitchoverError>> {
        Box::pin(finalize::finalize(&self.connections, endpoints, release))
    }

    fn canary(
        &self,
        endpoints: watch::Receiver<Vec<Endpoint>>,
        stop: watch::Receiver<bool>,
    ) -> BoxFuture<'_, Result<Ledger, String>> {
        Box::pin(canary::run(endpoints, stop))
    }
}
