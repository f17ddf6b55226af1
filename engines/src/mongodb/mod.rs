//! MongoDB 4.4 and newer: a replica set, spoken to member by member through the official driver.

mod answers;
mod canary;
mod entrance;
mod finalize;
mod hand_over;
mod interpret;
mod links;
mod observe;
mod relay;

pub use answers::{Answers, Cluster, Seen, Withheld};
pub use interpret::interpret;

use stateful_safety::{Assessment, ContainerFacts, EngineKind, Entrance, Millis, Version};
use tokio::sync::watch;

use crate::{BoxFuture, Door, Engine, Gate, HandOverError, HandedOver, Ledger, Prepared};
use links::Links;

/// The adapter, with the connections it keeps open.
#[derive(Debug, Default)]
pub struct Mongodb {
    links: Links,
}

impl Mongodb {
    /// LOOK. What every member says, word for word: what `assess` interprets, and what is recorded for its tests.
    pub async fn observe(&self, doors: &[Door]) -> Vec<Seen> {
        observe::observe(&self.links, doors).await
    }
}

impl Engine for Mongodb {
    fn entrance(&self, facts: &ContainerFacts) -> Entrance {
        entrance::entrance(facts)
    }

    fn assess<'a>(&'a self, doors: &'a [Door], now: Millis) -> BoxFuture<'a, Assessment> {
        Box::pin(async move { interpret(&self.observe(doors).await, now) })
    }

    fn watcher_port(&self) -> u16 {
        EngineKind::Mongodb.default_port()
    }

    /// Nobody: the members of a set watch over each other.
    fn watchers<'a>(&'a self, _doors: &'a [Door]) -> BoxFuture<'a, Vec<String>> {
        Box::pin(async { Vec::new() })
    }

    fn hand_over<'a>(
        &'a self,
        doors: &'a [Door],
        _watchers: &'a [Door],
        from: &'a str,
        to: &'a str,
        _gate: &'a dyn Gate,
    ) -> BoxFuture<'a, Result<HandedOver, HandOverError>> {
        Box::pin(hand_over::hand_over(&self.links, doors, from, to))
    }

    /// No: where nobody leads, the members elect somebody by themselves.
    fn finishes_handovers(&self) -> bool {
        false
    }

    /// A member that comes back is a secondary until it is elected, but others may be reading from it.
    fn prepare_restart<'a>(
        &'a self,
        doors: &'a [Door],
        member: &'a str,
    ) -> BoxFuture<'a, Result<Prepared, HandOverError>> {
        Box::pin(hand_over::nobody_reads_from(&self.links, doors, member))
    }

    fn finalize<'a>(&'a self, doors: &'a [Door], release: &'a Version) -> BoxFuture<'a, Result<(), HandOverError>> {
        Box::pin(finalize::finalize(&self.links, doors, release))
    }

    fn canary(
        &self,
        doors: watch::Receiver<Vec<Door>>,
        stop: watch::Receiver<bool>,
    ) -> BoxFuture<'_, Result<Ledger, String>> {
        Box::pin(canary::run(doors, stop))
    }
}
