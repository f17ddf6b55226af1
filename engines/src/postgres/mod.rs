//! PostgreSQL 13 and newer: a primary and its streaming standbys, spoken to over the PostgreSQL protocol alone.

mod answers;
mod canary;
mod conninfo;
mod entrance;
mod hand_over;
mod interpret;
mod leader;
mod links;
mod lsn;
mod observe;
mod pooler;
mod standby_names;
mod tls;

pub use answers::{Answers, Row, Seen};
pub use interpret::interpret;

use stateful_safety::{Assessment, ContainerFacts, Entrance, Millis};
use tokio::sync::watch;

use crate::{BoxFuture, Door, Engine, Gate, HandOverError, HandedOver, Ledger, Pooling, Prepared};
use hand_over::{Hands, fence, for_the_duration, patroni};
use leader::Keeper;
use links::Links;

/// Where Patroni listens unless told otherwise (`restapi.listen`; Zalando's and Crunchy Data's images as well).
const PATRONI_PORT: u16 = 8008;

/// The adapter, with the connections it keeps open.
#[derive(Debug)]
pub struct Postgres {
    links: Links,
    /// To poolers, opened when they are first asked: nobody logs in while clients wait.
    consoles: Links,
}

impl Default for Postgres {
    fn default() -> Self {
        Self { links: Links::default(), consoles: Links::to_database(pooler::CONSOLE) }
    }
}

impl Postgres {
    /// LOOK. What every member says, word for word: what `assess` interprets, and what is recorded for its tests.
    pub async fn observe(&self, doors: &[Door]) -> Vec<Seen> {
        observe::observe(&self.links, doors).await
    }

    /// LOOK. Who decides who leads beside the servers, as any of them that answers shows it.
    async fn keeper(&self, doors: &[Door]) -> Option<Keeper> {
        let seen = self.observe(doors).await;
        seen.iter().filter_map(|seen| seen.answer.as_ref().ok()).find_map(leader::kept_by)
    }
}

impl Engine for Postgres {
    fn entrance(&self, facts: &ContainerFacts) -> Entrance {
        entrance::entrance(facts)
    }

    fn assess<'a>(&'a self, doors: &'a [Door], now: Millis) -> BoxFuture<'a, Assessment> {
        Box::pin(async move { interpret(&self.observe(doors).await, now) })
    }

    fn watcher_port(&self) -> u16 {
        PATRONI_PORT
    }

    /// Patroni beside each server, where one of them shows that Patroni started it; else nobody: the servers of a plain
    /// replication watch over themselves.
    fn watchers<'a>(&'a self, doors: &'a [Door]) -> BoxFuture<'a, Vec<String>> {
        Box::pin(async {
            match self.keeper(doors).await {
                Some(Keeper::Patroni) => doors.iter().filter_map(|door| door.address.clone()).collect(),
                Some(Keeper::Repmgr) | None => Vec::new(),
            }
        })
    }

    fn hand_over<'a>(
        &'a self,
        doors: &'a [Door],
        watchers: &'a [Door],
        from: &'a str,
        to: &'a str,
        gate: &'a dyn Gate,
    ) -> BoxFuture<'a, Result<HandedOver, HandOverError>> {
        Box::pin(async move {
            let hands = Hands { links: &self.links, doors, from, to, gate };
            match self.keeper(doors).await {
                Some(Keeper::Patroni) => patroni::hand_over(&hands, watchers).await,
                Some(Keeper::Repmgr) => Err(hands.refused("repmgr decides who leads".to_owned())),
                None => hand_over::hand_over(&hands).await,
            }
        })
    }

    fn pooling(&self) -> Option<&dyn Pooling> {
        Some(self)
    }

    /// Yes: the old primary is fenced before it is stopped, so whoever dies then leaves two standbys, and `decide` tells
    /// which of them has everything.
    fn finishes_handovers(&self) -> bool {
        true
    }

    /// Nothing to do: a server is a standby when `standby.signal` is in its data directory, beside the data itself, and
    /// promotion takes it away. Wherever the data comes back, the role does.
    fn prepare_restart<'a>(
        &'a self,
        _doors: &'a [Door],
        _member: &'a str,
    ) -> BoxFuture<'a, Result<Prepared, HandOverError>> {
        Box::pin(async { Ok(Prepared::Ready) })
    }

    /// The fence of a handover that ended before its stop.
    fn take_back<'a>(&'a self, doors: &'a [Door]) -> BoxFuture<'a, Vec<String>> {
        Box::pin(fence::take_back(&self.links, doors))
    }

    fn begin_synchrony<'a>(&'a self, doors: &'a [Door]) -> BoxFuture<'a, Result<(), HandOverError>> {
        Box::pin(async move { for_the_duration::begin(&self.links, doors, &self.observe(doors).await).await })
    }

    fn end_synchrony<'a>(&'a self, doors: &'a [Door]) -> BoxFuture<'a, Result<(), HandOverError>> {
        Box::pin(async move { for_the_duration::end(&self.links, doors, &self.observe(doors).await).await })
    }

    fn canary(
        &self,
        doors: watch::Receiver<Vec<Door>>,
        stop: watch::Receiver<bool>,
    ) -> BoxFuture<'_, Result<Ledger, String>> {
        Box::pin(canary::run(doors, stop))
    }
}
