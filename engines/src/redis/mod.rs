//! Redis and Valkey: Cluster, Sentinel, or primary and replicas.

mod answers;
mod canary;
mod entrance;
mod hand_over;
mod interpret;
mod links;
mod node_line;
mod observe;

pub use answers::{Answers, Seen};
pub use interpret::interpret;

use stateful_safety::{Assessment, ContainerFacts, Entrance, Millis};
use tokio::sync::watch;

use crate::{BoxFuture, Door, Engine, Gate, HandOverError, HandedOver, Ledger, Prepared};
use links::Links;

/// The adapter, with the connections it keeps open.
#[derive(Debug, Default)]
pub struct Redis {
    links: Links,
}

impl Engine for Redis {
    fn entrance(&self, facts: &ContainerFacts) -> Entrance {
        entrance::entrance(facts)
    }

    fn assess<'a>(&'a self, doors: &'a [Door], now: Millis) -> BoxFuture<'a, Assessment> {
        Box::pin(async move { interpret(&observe::observe(&self.links, doors).await, now) })
    }

    fn watcher_port(&self) -> u16 {
        26_379
    }

    fn watchers<'a>(&'a self, doors: &'a [Door]) -> BoxFuture<'a, Vec<String>> {
        Box::pin(observe::watchers(&self.links, doors))
    }

    fn hand_over<'a>(
        &'a self,
        doors: &'a [Door],
        watchers: &'a [Door],
        from: &'a str,
        to: &'a str,
        _gate: &'a dyn Gate,
    ) -> BoxFuture<'a, Result<HandedOver, HandOverError>> {
        Box::pin(hand_over::hand_over(&self.links, doors, watchers, from, to))
    }

    /// No: the servers themselves end a failover they have begun, and until then take no second one.
    fn finishes_handovers(&self) -> bool {
        false
    }

    fn prepare_restart<'a>(
        &'a self,
        doors: &'a [Door],
        member: &'a str,
    ) -> BoxFuture<'a, Result<Prepared, HandOverError>> {
        Box::pin(async move {
            hand_over::keep_role(&self.links, doors, member).await?;
            Ok(Prepared::Ready)
        })
    }

    fn canary(
        &self,
        doors: watch::Receiver<Vec<Door>>,
        stop: watch::Receiver<bool>,
    ) -> BoxFuture<'_, Result<Ledger, String>> {
        Box::pin(canary::run(doors, stop))
    }
}
