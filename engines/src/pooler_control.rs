//! Control of connection poolers: programs between clients and a database that share its connections among clients, and can
//! make clients wait for a moment instead of failing.

use stateful_safety::{ConnectionConfig, ContainerFacts};

use crate::{BoxFuture, Endpoint, PoolerError, SwitchoverError};

/// Poolers of an engine, controlled through their own console.
pub trait PoolerControl: Send + Sync {
    /// THINK. How to connect to a pooler's console, from what its container declares.
    fn connection_config(&self, facts: &ContainerFacts) -> ConnectionConfig;

    /// LOOK. The pools of one pooler, and which server each connects to.
    fn ask<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, Result<Vec<Pool>, PoolerError>>;

    /// TOUCH. Pauses the clients of all these poolers, each as soon as it is not in the middle of a transaction. All poolers or
    /// none: when one could not pause in time, all are resumed and the error names it.
    fn pause<'a>(&'a self, poolers: &'a [PoolerTarget]) -> BoxFuture<'a, Result<(), SwitchoverError>>;

    /// TOUCH. Resumes the clients of one pooler, and returns once they are served or after a moment. While it waits the pooler
    /// is made to retry often, so that clients are served as soon as the new primary can be reached. A pool that is not paused
    /// is left as it is.
    fn resume<'a>(&'a self, pooler: &'a PoolerTarget) -> BoxFuture<'a, Result<(), PoolerError>>;

    /// TOUCH. Resumes all of them after `from` has switched over to `to`, and makes sure that every connection they open goes to
    /// `to`: they connect through a Service, whose change reaches each node's kube-proxy at its own time, and `from` will soon
    /// answer again, as a replica. Returns whether each pooler is known to be connected to `to`, or why not.
    fn repoint<'a>(
        &'a self,
        poolers: &'a [PoolerTarget],
        from: &'a Endpoint,
        to: &'a Endpoint,
    ) -> BoxFuture<'a, Vec<Result<(), PoolerError>>>;
}

/// A pool: the name that clients connect to, and the servers behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// The name clients use.
    pub name: String,
    /// The hosts its connections go to, as the pooler's configuration names them.
    pub hosts: Vec<String>,
    /// A client keeps its server connection until it disconnects: a pause would wait for clients to disconnect.
    pub per_session: bool,
    /// Its clients are paused already.
    pub paused: bool,
    /// How its pooler retries servers that cannot be reached.
    pub retry_settings: RetrySettings,
}

/// A pooler in front of a database: its console, and the pools that connect to that database.
#[derive(Debug, Clone)]
pub struct PoolerTarget {
    /// Its console.
    pub endpoint: Endpoint,
    /// Names of pools.
    pub pools: Vec<String>,
    /// How the pooler retries unreachable servers while no switchover is under way.
    pub retry_settings: RetrySettings,
}

/// How a pooler retries a server that cannot be reached: names of its settings, and their values. Empty where it does not tell
/// them, and then they are not changed.
pub type RetrySettings = Vec<(String, String)>;

/// What happens to clients around the moment writes stop, and whether this process may still stop them.
pub trait ClientPause: Send + Sync {
    /// LOOK. Whether this process still holds the operation lock. Asked right before each command that moves the primary role (stop,
    /// promote, failover, step-down): what was prepared before may have taken longer than the lock lasts, and another process may have
    /// begun meanwhile. [`SwitchoverError::LockNotConfirmed`] where it does not, or the API server does not say.
    fn confirm_lock(&self) -> BoxFuture<'_, Result<(), SwitchoverError>>;

    /// TOUCH. Pauses clients, after the last preparation and before the first command that stops writes. An error ends the
    /// switchover: nothing has changed.
    fn pause(&self) -> BoxFuture<'_, Result<(), SwitchoverError>>;

    /// TOUCH. Sends new clients to the successor: called when the old primary has stopped and the successor has every write, at
    /// the same time as the successor is promoted. Bounded in time, and it never fails the switchover: what it could not do
    /// is done once the successor is the primary.
    fn redirect(&self) -> BoxFuture<'_, ()>;
}

/// Clients are not paused: their writes fail or wait as the engine has it. And there is no operation, so no lock of it.
pub struct NoClientPause;

impl ClientPause for NoClientPause {
    fn confirm_lock(&self) -> BoxFuture<'_, Result<(), SwitchoverError>> {
        Box::pin(async { Ok(()) })
    }

    fn pause(&self) -> BoxFuture<'_, Result<(), SwitchoverError>> {
        Box::pin(async { Ok(()) })
    }

    fn redirect(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}
