//! The port to a workload as one operation meets it, its journal and its operation lock included.

use std::time::Duration;

use stateful_cluster::locks::{LeaseFacts, LockHolder};
use stateful_engines::{BoxFuture, Ledger};
use tokio::sync::mpsc::UnboundedSender;

use super::RunningCanary;
use crate::journal::Entry;
use crate::{Plan, Progress, World, WorldError};

/// A world in which operations begin and end. One implementation is [`crate::Live`]; the laws have a model.
pub trait OperationWorld: World {
    /// LOOK. Every operation on the workload, oldest first. One whose journal cannot be read is an error: it may be running.
    fn history(&self) -> BoxFuture<'_, Result<Vec<Entry>, WorldError>>;

    /// LOOK. Who holds the workload's operation lock.
    fn holder(&self) -> BoxFuture<'_, Result<Option<LockHolder>, WorldError>>;

    /// TOUCH. Takes the operation lock ahead of [`OperationWorld::begin`], and says that the members on a node are about to
    /// leave it: the guard lets that node be cordoned, and no other operation begins on the workload meanwhile.
    fn reserve<'a>(
        &'a self,
        verb: &'a str,
        who: &'a str,
        node: &'a str,
        patience: Duration,
    ) -> BoxFuture<'a, Result<(), WorldError>>;

    /// TOUCH. Takes the operation lock, unless this process holds it already, and opens a journal with this plan; returns the
    /// operation's identifier. A lock without an unfinished operation belongs to a process that died between the two or has
    /// only just begun: it is waited for up to `patience`, and refused where its holder keeps renewing it.
    fn begin<'a>(
        &'a self,
        verb: &'a str,
        who: &'a str,
        plan: &'a Plan,
        patience: Duration,
    ) -> BoxFuture<'a, Result<String, WorldError>>;

    /// TOUCH. Takes over an unfinished operation, waiting up to `patience` for the lock of a dead holder to expire; no
    /// longer than is left of that where the caller has watched the lock (`seen`).
    fn take_over<'a>(
        &'a self,
        entry: &'a Entry,
        who: &'a str,
        patience: Duration,
        seen: Option<&'a LeaseFacts>,
    ) -> BoxFuture<'a, Result<(), WorldError>>;

    /// TOUCH. Records what is left to do of an operation that is resumed.
    fn record_rest<'a>(&'a self, who: &'a str, plan: &'a Plan) -> BoxFuture<'a, Result<(), WorldError>>;

    /// TOUCH. Records that the goal is reached, and releases the operation lock.
    fn finish(&self, canary: Option<Ledger>) -> BoxFuture<'_, Result<(), WorldError>>;

    /// TOUCH. Records that the operation is ended where it is, and releases the operation lock.
    fn abort<'a>(&'a self, who: &'a str) -> BoxFuture<'a, Result<(), WorldError>>;

    /// TOUCH. Releases the operation lock without a line in the journal: an operation that stopped has written one already.
    fn release(&self) -> BoxFuture<'_, Result<(), WorldError>>;

    /// TOUCH. Reverts what the members were told ahead of a restart that did not come. Returns what was done, and what could
    /// not be, in sentences.
    fn undo_preparations(&self) -> BoxFuture<'_, Vec<String>>;

    /// TOUCH. Removes what switchovers have made on the members and no member uses any more. Returns what was done, and what could
    /// not be, in sentences.
    fn remove_unused(&self) -> BoxFuture<'_, Vec<String>>;

    /// From now on sends progress there; `None` sends it nowhere.
    fn report_to(&self, listener: Option<UnboundedSender<Progress>>);

    /// TOUCH. Starts a canary, where there are servers to write to.
    fn start_canary(&self) -> Option<RunningCanary>;
}
