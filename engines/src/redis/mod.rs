//! Redis and Valkey: Cluster, Sentinel, or primary and replicas.

mod answers;
mod canary;
pub mod conditions;
mod connection_config;
mod connections;
mod fence_mark;
mod interpret;
mod node_line;
mod observe;
mod profile;
mod switchover;

pub use answers::{Answers, MemberAnswers};
pub use conditions::CONDITIONS;
pub use interpret::interpret;
pub use profile::PROFILE;

use stateful_safety::{Assessment, ConnectionConfig, ContainerFacts, Millis};
use tokio::sync::watch;

use crate::{
    BoxFuture, Canary, CanaryError, ClientPause, CompletedSwitchover, Endpoint, Engine, Finalization, Ledger,
    PoolerControl, Prepared, RestartPreparation, Switchover, SwitchoverError, TemporarySync, Watchers,
};
use connections::Connections;

/// The adapter, with the connections it keeps open.
#[derive(Debug, Default)]
pub struct Redis {
    connections: Connections,
}

impl Engine for Redis {
    fn connection_config(&self, facts: &ContainerFacts) -> ConnectionConfig {
        connection_config::connection_config(facts)
    }

    fn assess<'a>(&'a self, endpoints: &'a [Endpoint], now: Millis) -> BoxFuture<'a, Assessment> {
        Box::pin(async move { interpret(&observe::observe(&self.connections, endpoints).await, now) })
    }

    fn switchover(&self) -> Option<&dyn Switchover> {
        Some(self)
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
        Some(self)
    }

    fn canary(&self) -> Option<&dyn Canary> {
        Some(self)
    }
}

impl Switchover for Redis {
    fn switch_over<'a>(
        &'a self,
        endpoints: &'a [Endpoint],
        watchers: &'a [Endpoint],
        from: &'a str,
        to: &'a str,
        clients: &'a dyn ClientPause,
    ) -> BoxFuture<'a, Result<CompletedSwitchover, SwitchoverError>> {
        Box::pin(switchover::switch_over(&self.connections, endpoints, watchers, (from, to), clients))
    }
}

impl RestartPreparation for Redis {
    fn prepare_restart<'a>(
        &'a self,
        endpoints: &'a [Endpoint],
        member: &'a str,
    ) -> BoxFuture<'a, Result<Prepared, SwitchoverError>> {
        Box::pin(async move {
            let led = switchover::prepare_restart(&self.connections, endpoints, member).await?;
            match led.as_slice() {
                [] => Ok(Prepared::Ready),
                led => {
                    Ok(Prepared::LookAgain(format!("{} followed {member} and now the primary itself", led.join(", "))))
                }
            }
        })
    }

    fn take_back<'a>(&'a self, endpoints: &'a [Endpoint], watchers: &'a [Endpoint]) -> BoxFuture<'a, Vec<String>> {
        Box::pin(switchover::take_back(&self.connections, endpoints, watchers))
    }
}

impl Watchers for Redis {
    fn watcher_port(&self) -> u16 {
        26_379
    }

    fn watchers<'a>(&'a self, endpoints: &'a [Endpoint]) -> BoxFuture<'a, Vec<String>> {
        Box::pin(observe::watchers(&self.connections, endpoints))
    }
}

impl Canary for Redis {
    fn run_canary(
        &self,
        endpoints: watch::Receiver<Vec<Endpoint>>,
        stop: watch::Receiver<bool>,
    ) -> BoxFuture<'_, Result<Ledger, CanaryError>> {
        Box::pin(canary::run(endpoints, stop))
    }
}
