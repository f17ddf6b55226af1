//! Observes databases and switches them over, through their own protocols. This crate does not know Kubernetes.
//!
//! ```text
//!  Endpoint ──observe (look)──> recorded answers ──interpret (think)──> Assessment
//!  Endpoint ──switch_over (touch)──> the database
//! ```
//!
//! One folder for each engine, with the same names in each: `observe.rs` asks the servers and keeps their answers word for word,
//! `interpret/` turns those answers into an [`Assessment`](stateful_safety::Assessment) without any I/O, only `switchover/`
//! changes a database, `canary/` writes keys of its own and removes them. A new engine is one folder and one row in
//! [`ENGINES`].

mod canary;
mod condition;
pub mod couchdb;
mod endpoint;
mod engine;
mod error;
mod future;
mod ledger;
pub mod mongodb;
mod pooler_control;
pub mod postgres;
pub mod redis;
mod registry;
mod role_at_start;
mod tls;

pub use condition::{
    Condition, NO_PRIMARY, ROLE_DECIDED_AT_START, ROLE_DECIDED_ELSEWHERE, SEVERAL_PRIMARIES, START_NOT_KNOWN,
    START_NOT_READ, VIEWS_DISAGREE, no_primary,
};
pub use endpoint::{Credentials, DialConfig, Endpoint, Secret, Tls};
pub use engine::{
    Canary, CompletedSwitchover, Engine, Finalization, Prepared, RestartPreparation, Switchover, TemporarySync,
    Watchers,
};
pub use error::{CanaryError, PoolerError, ServerError, SwitchoverError};
pub use future::BoxFuture;
pub use ledger::{Gap, Ledger};
pub use pooler_control::{ClientPause, NoClientPause, Pool, PoolerControl, PoolerTarget, RetrySettings};
pub use registry::{ENGINES, EngineRow, find_profile, open, profiles};
pub use tls::TlsError;
