//! What laws, demo and bench are built on: a real Kubernetes cluster, real databases in it, clients that write to them all the time,
//! and the plugin run as a user runs it.
//!
//! - [`Cluster`] is reached with kubectl, never with the library under test.
//! - [`RedisCluster`], [`Postgres`], [`Mongodb`] and [`Couchdb`] deploy the folders of `examples/`.
//! - [`Load`] writes with published drivers, and keeps a ledger that the database is compared with at the end.
//! - [`Plugin`] runs the binary, reads its progress, and ends it in the middle when told to.
//!
//! On the test cluster's own machine pods are reached by address. With `CLUSTER=existing` the databases that `make demo` shows are
//! reached through port-forwards; the other engines' pods by address.

mod cluster;
mod engines;
mod faults;
mod guard;
mod laws;
mod load;
mod overlay;
mod plugin;
mod repository;
mod wait;

pub use cluster::{Cluster, KubectlDrain, Namespace, ObjectVersions, Pod, Reply};
pub use engines::couchdb::Couchdb;
pub use engines::mongodb::{Mongodb, SHORT_SHUTDOWN};
pub use engines::postgres::{Patroni, PooledPostgres, Postgres, is_paused, send_signal};
pub use engines::redis::{RedisCluster, RedisReplication, RedisSentinel, Server};
pub use engines::{Deployment, Engine, Gap, Primaries, WriteBounds};
pub use faults::{
    ApiServerProxy, Frozen, PausedKubeProxy, PodProcesses, cut_off, end_slow_pod, heal, is_slow, slow_pod,
};
pub use guard::{Guard, until_both_replicas};
pub use laws::{Cleanup, Context, Group, Law, Proof, Quiet, Undo, run, write_note};
pub use load::{
    Audit, Client, Driver, Endpoint, Figures, Load, WriteOutcome, nothing_failed, nothing_lost,
    resolv_conf_of_cluster_dns,
};
pub use plugin::{Ended, Plugin, Running};
pub(crate) use repository::repository;
pub use wait::until;
