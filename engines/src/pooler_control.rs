//! What an adapter can do whose clients come through poolers: programs in front of a database that lend its connections
//! out, and can let clients wait for a moment instead of failing.

use stateful_safety::{ConnectionConfig, ContainerFacts};

use crate::{BoxFuture, Endpoint, PoolerError, SwitchoverError};

/// Poolers of an engine, spoken to on their own console.
pub trait PoolerControl: Send + Sync {
    /// THINK. How to get in to a pooler's console, from what its container declares.
    fn connection_config(&self, facts: &ContainerFacts) -> ConnectionConfig;

    /// LOOK. The pools of one pooler, and where each leads.
    fn ask<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, Result<Vec<Pool>, PoolerError>>;

    /// TOUCH. Lets the clients of all these wait as soon as none of them is in the middle of a transaction. All of them or
    /// none: when one has not done so in time, all are resumed and the error names it.
    fn pause<'a>(&'a self, fronts: &'a [PoolerTarget]) -> BoxFuture<'a, Result<(), SwitchoverError>>;

    /// TOUCH. Lets the clients of one go on, and returns when they do or a moment has passed. While it waits the pooler
    /// tries often: the way to the new primary opens by itself, and it must not be waited for longer than that takes. A
    /// pool that is not paused is left as it is.
    fn resume<'a>(&'a self, front: &'a PoolerTarget) -> BoxFuture<'a, Result<(), PoolerError>>;

    /// TOUCH. The same for all of them after `from` has switched over to `to`, and every connection they open is made sure to
    /// lead to `to`: the way there goes by a Service, which each node's proxy follows in its own time, and `from` will soon
    /// answer again, as a replica. Whether each pooler is known to be led right, or why not.
    fn repoint<'a>(
        &'a self,
        fronts: &'a [PoolerTarget],
        from: &'a Endpoint,
        to: &'a Endpoint,
    ) -> BoxFuture<'a, Vec<Result<(), PoolerError>>>;
}

/// A pool: what clients ask for by a name, and where they are led.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// The name clients use.
    pub name: String,
    /// The hosts its connections go to, as the pooler's configuration names them.
    pub hosts: Vec<String>,
    /// A client keeps its connection until it goes: a pause would wait for clients to leave.
    pub per_session: bool,
    /// Its clients wait already.
    pub paused: bool,
    /// How patient its pooler is with servers that cannot be reached.
    pub patience: RetrySettings,
}

/// A pooler in front of a database: the way to its console, and the pools that lead there.
#[derive(Debug, Clone)]
pub struct PoolerTarget {
    /// The way.
    pub endpoint: Endpoint,
    /// Names of pools.
    pub pools: Vec<String>,
    /// How patient the pooler is while nobody moves the database.
    pub patience: RetrySettings,
}

/// How patient a pooler is with a server that cannot be reached, in its own words: names of settings, and their values.
/// Empty where it does not say, and then nothing is changed.
pub type RetrySettings = Vec<(String, String)>;

/// What happens to clients around the moment writes stop.
pub trait ClientPause: Send + Sync {
    /// TOUCH. Between the last preparation and the first act that stops writes: lets clients wait. An error calls the
    /// switchover off: nothing has changed.
    fn close(&self) -> BoxFuture<'_, Result<(), SwitchoverError>>;

    /// TOUCH. When the old primary has stopped and the successor has everything, at the same time as it is told to lead:
    /// leads whoever comes from now on to the successor. Bounded in time, and it never fails the switchover: what it leaves
    /// undone is done when the successor leads.
    fn turn(&self) -> BoxFuture<'_, ()>;
}

/// Nothing happens then: clients notice.
pub struct NoClientPause;

impl ClientPause for NoClientPause {
    fn close(&self) -> BoxFuture<'_, Result<(), SwitchoverError>> {
        Box::pin(async { Ok(()) })
    }

    fn turn(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}
