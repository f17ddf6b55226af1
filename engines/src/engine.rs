//! What every adapter can do.

use std::time::Duration;

use stateful_safety::{Assessment, ConnectionConfig, ContainerFacts, Millis, Version};
use tokio::sync::watch;

use crate::{BoxFuture, CanaryError, ClientPause, Endpoint, Ledger, PoolerControl, SwitchoverError};

/// A database engine's adapter. It keeps connections open between calls, one for each incarnation of a member.
///
/// Every engine can be connected to and assessed. What else it can do, it says by a capability: a trait that the adapter
/// implements and returns here, or not. The caller decides what a missing capability means.
pub trait Engine: Send + Sync {
    /// THINK. How to connect, from what the container declares.
    fn connection_config(&self, facts: &ContainerFacts) -> ConnectionConfig;

    /// LOOK. Asks every member at once, each with a deadline of its own, and interprets what they said. Never fails:
    /// a member that does not answer is reported as such.
    fn assess<'a>(&'a self, endpoints: &'a [Endpoint], now: Millis) -> BoxFuture<'a, Assessment>;

    /// Moving the primary role to another member; none for an engine without primaries.
    fn switchover(&self) -> Option<&dyn Switchover>;

    /// Preparing a member's restart; none where a member may be restarted as it is.
    fn restart_preparation(&self) -> Option<&dyn RestartPreparation>;

    /// Making a release final; none where the data follows the servers' version.
    fn finalization(&self) -> Option<&dyn Finalization>;

    /// Commits that wait for a standby for the duration of an operation.
    fn temporary_sync(&self) -> Option<&dyn TemporarySync>;

    /// Control of the connection poolers in front of the database.
    fn pooler_control(&self) -> Option<&dyn PoolerControl>;

    /// Servers that are not members but monitor them, and take part in a switchover.
    fn watchers(&self) -> Option<&dyn Watchers>;

    /// A client that writes and reads back beside an operation.
    fn canary(&self) -> Option<&dyn Canary>;
}

/// Moving the primary role of a replica group to another member.
pub trait Switchover: Send + Sync {
    /// TOUCH. Makes `to` the primary in place of `from` by the engine's own lossless way, and returns once `to` says
    /// it is. Never forces. The caller has asked the judge just before. `watchers` are the endpoints of [`Watchers`].
    /// Clients are paused (`clients`) just before writes stop and sent to the successor before they are resumed, where the engine
    /// itself does not make clients wait.
    ///
    /// # Errors
    /// [`SwitchoverError`]: what is known of the outcome.
    fn switch_over<'a>(
        &'a self,
        endpoints: &'a [Endpoint],
        watchers: &'a [Endpoint],
        from: &'a str,
        to: &'a str,
        clients: &'a dyn ClientPause,
    ) -> BoxFuture<'a, Result<CompletedSwitchover, SwitchoverError>>;

    /// TOUCH. Removes what switchovers have made on the members and no member uses any more, and nothing else: at the good end of an
    /// operation, when every member is there again. Returns what was done, and what could not be, in sentences. Nothing where
    /// switchovers make nothing that stays.
    fn remove_unused<'a>(&'a self, _endpoints: &'a [Endpoint]) -> BoxFuture<'a, Vec<String>> {
        Box::pin(async { Vec::new() })
    }
}

/// Preparing a member's restart.
pub trait RestartPreparation: Send + Sync {
    /// TOUCH. Makes sure that a member about to be restarted comes back with the role it has now, where only its own server
    /// records it, and that no client or member depends on it meanwhile; called just before the restart. Changes nothing where
    /// nothing has to be prepared.
    ///
    /// # Errors
    /// [`SwitchoverError`]: the member was not prepared, and should not be restarted.
    fn prepare_restart<'a>(
        &'a self,
        endpoints: &'a [Endpoint],
        member: &'a str,
    ) -> BoxFuture<'a, Result<Prepared, SwitchoverError>>;

    /// TOUCH. Reverts what `prepare_restart` has changed on members that were not restarted after all, what would keep the
    /// present primary from being one after its next start, and what a switchover that died has left on them and on the `watchers`:
    /// when an operation is resumed, aborted or stops. Returns sentences that say what was reverted, and what could not be.
    fn take_back<'a>(&'a self, endpoints: &'a [Endpoint], watchers: &'a [Endpoint]) -> BoxFuture<'a, Vec<String>>;
}

/// Making a release final.
pub trait Finalization: Send + Sync {
    /// TOUCH. Lets the data make use of that release's features; older servers cannot open it any more. The caller has made
    /// sure that every member runs it.
    ///
    /// # Errors
    /// [`SwitchoverError`]: what is known of the outcome.
    fn finalize<'a>(
        &'a self,
        endpoints: &'a [Endpoint],
        release: &'a Version,
    ) -> BoxFuture<'a, Result<(), SwitchoverError>>;
}

/// Commits that wait for a standby for the duration of an operation.
pub trait TemporarySync: Send + Sync {
    /// TOUCH. Lets commits wait for a standby from now on, until `end_temporary_sync`; asked only where the assessment says that
    /// they do not wait and may be made to. Done already, nothing changes.
    ///
    /// # Errors
    /// [`SwitchoverError`]: what is known of the outcome.
    fn begin_temporary_sync<'a>(&'a self, endpoints: &'a [Endpoint]) -> BoxFuture<'a, Result<(), SwitchoverError>>;

    /// TOUCH. Puts back what `begin_temporary_sync` has changed, on every member that still has it; nothing else.
    ///
    /// # Errors
    /// [`SwitchoverError`]: a member may still have it.
    fn end_temporary_sync<'a>(&'a self, endpoints: &'a [Endpoint]) -> BoxFuture<'a, Result<(), SwitchoverError>>;
}

/// Servers that are not members but monitor them, and have to carry out a switchover.
pub trait Watchers: Send + Sync {
    /// The port they listen on.
    fn watcher_port(&self) -> u16;

    /// LOOK. Their addresses.
    fn watchers<'a>(&'a self, endpoints: &'a [Endpoint]) -> BoxFuture<'a, Vec<String>>;
}

/// A client that writes and reads back.
pub trait Canary: Send + Sync {
    /// TOUCH, keys of its own only. Writes steadily as clients do, following the primary wherever it goes, until `stop` turns
    /// true; then reads everything back, removes it, and returns the ledger.
    fn run_canary(
        &self,
        endpoints: watch::Receiver<Vec<Endpoint>>,
        stop: watch::Receiver<bool>,
    ) -> BoxFuture<'_, Result<Ledger, CanaryError>>;
}

/// Whether a member is prepared for its restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prepared {
    /// It may be restarted.
    Ready,
    /// It may be restarted once no Service sends new clients to it, which it has asked for: its readiness says so. What was done.
    OnceNotReady(String),
    /// Preparing it took so long that the database may have changed: observe it again first. What was done.
    LookAgain(String),
}

/// A switchover that took place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletedSwitchover {
    /// From the request until the successor said it is the primary.
    pub took: Duration,
}
