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
mod condition;
pub mod couchdb;
mod endpoint;
mod engine;
mod error;
mod ledger;
pub mod mongodb;
mod pooler_control;
pub mod postgres;
pub mod redis;
mod registry;
mod tls;

pub use condition::{Condition, NO_PRIMARY, SEVERAL_PRIMARIES, VIEWS_DISAGREE, not_one_primary};
pub use endpoint::{Credentials, DialConfig, Endpoint, Secret, Tls};
pub use engine::{
    BoxFuture, Canary, CompletedSwitchover, Engine, Finalization, Prepared, RestartPreparation, Switchover,
    SwitchoverError, TemporarySync, Watchers,
};
pub use error::{CanaryError, PoolerError, ServerError};
pub use ledger::{Gap, Ledger};
pub use pooler_control::{ClientPause, NoClientPause, Pool, PoolerControl, PoolerTarget, RetrySettings};
pub use registry::{ENGINES, EngineRow, find_profile, open, profiles};
pub use tls::TlsError;
