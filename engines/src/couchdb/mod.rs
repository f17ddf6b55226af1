//! CouchDB 3.x: a cluster of equals, spoken to node by node over HTTP. Nobody leads it and nothing is handed over: a write is
//! acknowledged once a quorum of the copies of its shard has it (201; 202 says that fewer have). Before a node is restarted
//! it tells load balancers to lead nobody to it (`maintenance_mode = nolb`).
//!
//! What is said of CouchDB here is from its manual (docs.couchdb.org, 3.x), section by section where it matters, and from
//! its source where the manual is silent. No server of it was to be had: what `recorded/` holds was said by the stand-in of
//! the tests (`tests/couchdb-stand-in`), whose behaviour is written after the same manual.

mod answers;
mod canary;
mod entrance;
mod hand_over;
mod interpret;
mod links;
mod observe;

pub use answers::{Answers, Seen, Told};
pub use interpret::interpret;

use stateful_safety::{Assessment, ContainerFacts, EngineKind, Entrance, Millis};
use tokio::sync::watch;

use crate::{BoxFuture, Door, Engine, Gate, HandOverError, HandedOver, Ledger, Prepared};
use hand_over::Asked;
use links::Links;

/// The adapter, with the connections it keeps open and what it has asked nodes for.
#[derive(Debug, Default)]
pub struct Couchdb {
    links: Links,
    asked: Asked,
}

impl Couchdb {
    /// LOOK. What every member says, word for word: what `assess` interprets, and what is recorded for its tests.
    pub async fn observe(&self, doors: &[Door]) -> Vec<Seen> {
        observe::observe(&self.links, doors).await
    }
}

impl Engine for Couchdb {
    fn entrance(&self, facts: &ContainerFacts) -> Entrance {
        entrance::entrance(facts)
    }

    fn assess<'a>(&'a self, doors: &'a [Door], now: Millis) -> BoxFuture<'a, Assessment> {
        Box::pin(async move { interpret(&self.observe(doors).await, now) })
    }

    fn watcher_port(&self) -> u16 {
        EngineKind::Couchdb.default_port()
    }

    /// Nobody: the nodes watch over each other.
    fn watchers<'a>(&'a self, _doors: &'a [Door]) -> BoxFuture<'a, Vec<String>> {
        Box::pin(async { Vec::new() })
    }

    /// The judge lets nobody ask for it, since nobody leads.
    fn hand_over<'a>(
        &'a self,
        _doors: &'a [Door],
        _watchers: &'a [Door],
        from: &'a str,
        _to: &'a str,
        _gate: &'a dyn Gate,
    ) -> BoxFuture<'a, Result<HandedOver, HandOverError>> {
        Box::pin(async move {
            let why = "nobody leads a CouchDB: there is nothing to hand over".to_owned();
            Err(HandOverError::Refused { member: from.to_owned(), why })
        })
    }

    /// No: there are none.
    fn finishes_handovers(&self) -> bool {
        false
    }

    /// A node that is ended with clients on it cuts them off; so it is made to look away from load balancers first.
    fn prepare_restart<'a>(
        &'a self,
        doors: &'a [Door],
        member: &'a str,
    ) -> BoxFuture<'a, Result<Prepared, HandOverError>> {
        Box::pin(hand_over::leave_balancers(&self.links, &self.asked, doors, member))
    }

    fn take_back<'a>(&'a self, doors: &'a [Door]) -> BoxFuture<'a, Vec<String>> {
        Box::pin(hand_over::come_back(&self.links, doors))
    }

    fn canary(
        &self,
        doors: watch::Receiver<Vec<Door>>,
        stop: watch::Receiver<bool>,
    ) -> BoxFuture<'_, Result<Ledger, String>> {
        Box::pin(canary::run(doors, stop))
    }
}
