//! What the proofs stand on: a real Kubernetes cluster, a real database in it, clients that write to it all the time,
//! and the plugin run as a user runs it.
//!
//! - [`Cluster`] is reached with kubectl, never with the library under test.
//! - [`RedisCluster`] is `examples/redis`, deployed; [`Postgres`] is `examples/postgres`, [`Mongodb`] is
//!   `examples/mongodb`, [`Couchdb`] is `examples/couchdb` with a stand-in.
//! - [`Load`] writes with a driver nobody here wrote, and keeps a ledger that the database is compared with at the end.
//! - [`Plugin`] runs the binary, reads its progress, and ends it in the middle when told to.
//!
//! The load dials pods by address: run it where those addresses lead somewhere, as on the test cluster's own machine.

mod cluster;
mod company;
mod couchdb;
mod drain;
mod gateway;
mod guard;
mod http;
mod late_proxy;
mod load;
mod mongodb;
mod network;
mod overlay;
mod plugin;
mod pod;
mod postgres;
mod processes;
mod proxy;
mod redis_cluster;
mod server;
mod trace;
mod view;
mod wait;

pub use cluster::{Cluster, Namespace};
pub use couchdb::Couchdb;
pub use drain::Drain;
pub use gateway::Gateway;
pub use guard::{Guard, NAMESPACE as GUARD_NAMESPACE};
pub use late_proxy::LateProxy;
pub use load::{Audit, Door, Figures, Load, nothing_failed, nothing_lost};
pub use mongodb::Mongodb;
pub use network::{CutOff, Throttle, cut_off, slow_pod};
pub use overlay::{apply, apply_with, image, mongo_image, postgres_image};
pub use plugin::{Ended, Plugin, Running};
pub use pod::Pod;
pub use postgres::Postgres;
pub use processes::{Frozen, Processes};
pub use proxy::{Proxy, Reply};
pub use redis_cluster::RedisCluster;
pub use server::Server;
pub use trace::Trace;
pub use wait::until;
