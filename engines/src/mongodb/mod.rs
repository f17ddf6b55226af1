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

pub use answers::{Answers, MemberAnswers, ShardedCluster, Withheld};
pub use conditions::CONDITIONS;
pub use interpret::interpret;
pub use profile::PROFILE;
pub use sharding::{Balancer, Part, Sharding};

use stateful_safety::{Assessment, ConnectionConfig, ContainerFacts, Millis, Version};
use tokio::sync::watch;

use crate::{
    BoxFuture, Canary, CanaryError, ClientPause, CompletedSwitchover, Endpoint, Engine, Finalization, Ledger,
    PoolerControl, Prepared, RestartPreparation, Switchover, SwitchoverError, TemporarySync, Watchers,
};
use connections::Connections;

/// The adapter, with the connections it keeps open.
#[derive(Debug, Default)]
pub struct Mongodb {
    connections: Connections,
}

impl Mongodb {
    /// LOOK. What every member says, word for word: what `assess` interprets, and what is recorded for its tests.
    pub async fn observe(&self, endpoints: &[Endpoint]) -> Vec<MemberAnswers> {
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

    fn switchover(&self) -> Option<&dyn Switchover> {
        Some(self)
    }

    fn restart_preparation(&self) -> Option<&dyn RestartPreparation> {
        Some(self)
    }

    fn finalization(&self) -> Option<&dyn Finalization> {
        Some(self)
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

impl Switchover for Mongodb {
    fn switch_over<'a>(
        &'a self,
        endpoints: &'a [Endpoint],
        _watchers: &'a [Endpoint],
        from: &'a str,
        to: &'a str,
        clients: &'a dyn ClientPause,
    ) -> BoxFuture<'a, Result<CompletedSwitchover, SwitchoverError>> {
        Box::pin(switchover::switch_over(&self.connections, endpoints, (from, to), clients))
    }
}

impl RestartPreparation for Mongodb {
    /// A member that comes back is a secondary until it is elected, but others may be reading from it.
    fn prepare_restart<'a>(
        &'a self,
        endpoints: &'a [Endpoint],
        member: &'a str,
    ) -> BoxFuture<'a, Result<Prepared, SwitchoverError>> {
        Box::pin(switchover::move_readers_away(&self.connections, endpoints, member))
    }

    /// Nothing is left on a member that was not restarted.
    fn take_back<'a>(&'a self, _endpoints: &'a [Endpoint], _watchers: &'a [Endpoint]) -> BoxFuture<'a, Vec<String>> {
        Box::pin(async { Vec::new() })
    }
}

impl Finalization for Mongodb {
    fn finalize<'a>(
        &'a self,
        endpoints: &'a [Endpoint],
        release: &'a Version,
    ) -> BoxFuture<'a, Result<(), SwitchoverError>> {
        Box::pin(finalize::finalize(&self.connections, endpoints, release))
    }
}

impl Canary for Mongodb {
    fn run_canary(
        &self,
        endpoints: watch::Receiver<Vec<Endpoint>>,
        stop: watch::Receiver<bool>,
    ) -> BoxFuture<'_, Result<Ledger, CanaryError>> {
        Box::pin(canary::run(endpoints, stop))
    }
}
