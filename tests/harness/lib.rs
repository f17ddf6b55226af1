//! What laws, demo and bench are built on: a real Kubernetes cluster, real databases in it, clients that write to them all the time,
//! and the plugin run as a user runs it.
//!
//! - [`Cluster`] is reached with kubectl, never with the library under test.
//! - [`RedisCluster`], [`Postgres`], [`Mongodb`] and [`Couchdb`] deploy the folders of `examples/`.
//! - [`Load`] writes with published drivers, and keeps a ledger that the database is compared with at the end.
//! - [`Plugin`] runs the binary, reads its progress, and ends it in the middle when told to.
//!
//! The load connects to pods by address: run it where those addresses are reachable, as on the test cluster's own machine.

mod cluster;
mod company;
mod engines;
mod faults;
mod guard;
mod load;
mod overlay;
mod plugin;
mod repository;
mod wait;

pub use cluster::{Cluster, KubectlDrain, KubectlProxy, Namespace, ObjectVersions, Pod, Reply};
pub use engines::couchdb::Couchdb;
pub use engines::mongodb::Mongodb;
pub use engines::postgres::Postgres;
pub use engines::redis::{RedisCluster, Server};
pub use faults::{ApiServerProxy, CutOff, Frozen, PausedKubeProxy, PodProcesses, Throttle, cut_off, slow_pod};
pub use guard::{Guard, NAMESPACE as GUARD_NAMESPACE};
pub use load::{Audit, Client, Driver, Endpoint, Figures, Load, WriteOutcome, nothing_failed, nothing_lost};
pub use overlay::{apply, apply_with, image, mongo_image, postgres_image};
pub use plugin::{Ended, Plugin, Running};
pub(crate) use repository::repository;
pub use wait::until;
