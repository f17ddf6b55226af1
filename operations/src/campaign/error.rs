//! Why a campaign did not come to its end.

use stateful_cluster::Error as ClusterError;
use stateful_safety::WorkloadId;

use crate::session::{NotSafe, SessionError};

/// Why a campaign was refused or broken off.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// Databases are not safe to move; every one of them. Nothing was touched.
    #[error("{} databases are not safe to move now", .0.len())]
    NotSafe(Vec<NotSafe>),
    /// Pods that may not be evicted without the user's word; each with the flag that gives it. Nothing was touched.
    #[error("{}", .0.join("; "))]
    Held(Vec<String>),
    /// A database was safe to move when the campaign began and is no longer.
    #[error("{0} is no longer safe to move")]
    NoLongerSafe(WorkloadId, Box<NotSafe>),
    /// An operation on a database did not begin.
    #[error("{0}: {1}")]
    Session(WorkloadId, SessionError),
    /// Pods that could not be evicted.
    #[error("{}", .0.join("; "))]
    Evictions(Vec<String>),
    /// The cluster could not be read or written.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}
