//! Kubernetes: it finds workloads, connects to pods, and makes the few changes this tool ever makes there. It knows no
//! engine's commands.
//!
//! ```text
//! connection       the one client, permissions, port-forwards, errors
//! discovery        workloads, pods, containers, credentials, poolers, operators       read-only
//! backups          backups of a database, as Jobs and snapshots report them            read-only
//! changes          evict, scale, cordon, rollout, a Service's selector                writes, each with a precondition
//! locks            the operation lock of a workload: a Lease                          writes
//! journal_records  the journal of an operation: a ConfigMap                           writes
//! guard            the guard's own objects, policies, records and metrics             reads and writes
//! inventory        the cluster in memory, for the guard                               watches
//! metadata         labels, annotations and owners
//! ```
//!
//! A folder uses only folders above it in this list, beside `metadata`, which they all may use; no two use each other.
//!
//! Every change of a Kubernetes object is made in this crate, through the one client made in [`connection::connect`], so
//! that a flag such as `--as` or `--context` cannot be forgotten anywhere.

pub mod backups;
pub mod budget;
pub mod changes;
pub mod connection;
pub mod discovery;
pub mod guard;
pub mod inventory;
pub mod journal_records;
pub mod locks;
pub mod metadata;
#[cfg(test)]
mod test_profiles;

pub use connection::{Cluster, Error, Result};

/// Prefix of every label and annotation this tool reads or writes.
pub const PREFIX: &str = "kubectl-stateful.dev/";

/// The field manager under which the API server records this tool's changes.
pub const FIELD_MANAGER: &str = "kubectl-stateful";
