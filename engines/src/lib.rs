//! Databases, seen and moved through their own protocols. This crate has never heard of Kubernetes.
//!
//! ```text
//!  Door ──observe (look)──> recorded answers ──interpret (think)──> Assessment
//!  Door ──hand_over (touch)──> the database
//! ```
//!
//! One folder an engine, the same names in each: `observe.rs` asks the servers and keeps what they said word for word,
//! `interpret/` turns those words into an [`Assessment`](stateful_safety::Assessment) without any I/O, `switch_over/` alone
//! changes a database, `canary/` writes keys of its own and removes them. A new engine is one folder and one row in
//! [`ENGINES`].

mod canary;
pub mod couchdb;
mod endpoint;
mod engine;
mod ledger;
pub mod mongodb;
mod pooler_control;
pub mod postgres;
pub mod redis;
mod tls;

pub use endpoint::{Credentials, DialConfig, Endpoint, Secret, Tls};
pub use engine::{BoxFuture, CompletedSwitchover, Engine, Prepared, SwitchoverError};
pub use ledger::{Gap, Ledger};
pub use pooler_control::{ClientPause, NoClientPause, Pool, PoolerControl, PoolerTarget, RetrySettings};

use stateful_safety::EngineKind;

/// How an adapter is made.
type Open = fn() -> Box<dyn Engine>;

/// The engines there are.
pub const ENGINES: &[(EngineKind, Open)] = &[
    (EngineKind::Redis, || Box::new(redis::Redis::default())),
    (EngineKind::Postgres, || Box::new(postgres::Postgres::default())),
    (EngineKind::Mongodb, || Box::new(mongodb::Mongodb::default())),
    (EngineKind::Couchdb, || Box::new(couchdb::Couchdb::default())),
];

/// The adapter for an engine. Every [`EngineKind`] has one; a test holds that.
pub fn open(kind: EngineKind) -> Option<Box<dyn Engine>> {
    ENGINES.iter().find(|(known, _)| *known == kind).map(|(_, open)| open())
}

/// Whether an engine's switchover can be asked to finish what it began ([`Engine::finishes_switchovers`]).
pub fn finishes_switchovers(kind: EngineKind) -> bool {
    open(kind).is_some_and(|engine| engine.finishes_switchovers())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_engine_has_an_adapter() {
        for &kind in stateful_safety::EngineKind::ALL {
            assert!(super::open(kind).is_some(), "{kind} has no row in ENGINES");
        }
    }
}
