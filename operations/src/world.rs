//! The port: all that an operation may ask of and change in the cluster and the database. One implementation is
//! [`crate::Live`]; the laws of the patterns are proven on a model.

use std::time::Duration;

use stateful_cluster::Error as ClusterError;
use stateful_engines::{BoxFuture, SwitchoverError};
use stateful_safety::Millis;

use crate::action::Action;
use crate::journal::Event;
use crate::{Progress, Snapshot};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// Kubernetes.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// An eviction was not granted, in the API server's words; it may be asked again.
    #[error("the eviction is not granted: {0}")]
    NotGranted(String),
    /// Preparing the change took a while: it is to be judged again, on a new snapshot.
    #[error("to be judged again: {0}")]
    NotYet(String),
    /// A switchover.
    #[error(transparent)]
    Switchover(#[from] SwitchoverError),
    /// The journal has a line that cannot be.
    #[error("the journal is not usable: {0}")]
    Journal(String),
}

/// The cluster and the database, as one operation on one workload uses them.
pub trait World: Send + Sync {
    /// LOOK. A fresh snapshot.
    fn observe(&self) -> BoxFuture<'_, Result<Snapshot, WorldError>>;

    /// TOUCH. One change, on the database as it was last observed. For a switchover, how long it took.
    fn act<'a>(
        &'a self,
        action: &'a Action,
        snapshot: &'a Snapshot,
    ) -> BoxFuture<'a, Result<Option<Duration>, WorldError>>;

    /// TOUCH. Writes a line of the journal; returns once it is kept. Fails when the operation does not belong to this process any
    /// more.
    fn record<'a>(&'a self, event: &'a Event) -> BoxFuture<'a, Result<(), WorldError>>;

    /// Reports progress to the caller.
    fn report(&self, progress: Progress);

    /// The time.
    fn now(&self) -> Millis;

    /// Waits a moment. Returns early, with `true`, when the operation is asked to stop.
    fn pause(&self, duration: Duration) -> BoxFuture<'_, bool>;
}
