//! What every adapter can do.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use stateful_safety::{Assessment, ConnectionConfig, ContainerFacts, Millis, Version};
use tokio::sync::watch;

use crate::{ClientPause, Endpoint, Ledger, PoolerControl};

/// A future that can be kept in a table.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A database engine's adapter. It keeps connections open between calls, one a member's incarnation.
pub trait Engine: Send + Sync {
    /// THINK. How to get in, from what the container declares.
    fn connection_config(&self, facts: &ContainerFacts) -> ConnectionConfig;

    /// LOOK. Asks every member at once, each with a deadline of its own, and interprets what they said. Never fails:
    /// a member that does not answer is reported as such.
    fn assess<'a>(&'a self, endpoints: &'a [Endpoint], now: Millis) -> BoxFuture<'a, Assessment>;

    /// The port those servers listen on.
    fn watcher_port(&self) -> u16;

    /// LOOK. Addresses of servers that are no members but watch over them and must be asked about a switchover (Sentinels).
    fn watchers<'a>(&'a self, endpoints: &'a [Endpoint]) -> BoxFuture<'a, Vec<String>>;

    /// TOUCH. Makes `to` the primary in place of `from` by the engine's own lossless way, and returns once `to` says
    /// it is. Never forces. The caller has asked the judge just before. `watchers` are the ways to those servers.
    /// `gate` is closed just before writes stop and turned before they flow again, where the engine lets no clients wait by
    /// itself.
    fn switch_over<'a>(
        &'a self,
        endpoints: &'a [Endpoint],
        watchers: &'a [Endpoint],
        from: &'a str,
        to: &'a str,
        gate: &'a dyn ClientPause,
    ) -> BoxFuture<'a, Result<CompletedSwitchover, SwitchoverError>>;

    /// What it can do with poolers in front; nothing where there are none for this engine.
    fn pooler_control(&self) -> Option<&dyn PoolerControl> {
        None
    }

    /// TOUCH. Makes sure that a member about to be restarted comes back with the role it has now, where its server alone
    /// keeps it, and that nobody depends on it meanwhile; to be done just before. Changes nothing where it is so anyway.
    fn prepare_restart<'a>(
        &'a self,
        endpoints: &'a [Endpoint],
        member: &'a str,
    ) -> BoxFuture<'a, Result<Prepared, SwitchoverError>>;

    /// TOUCH. Takes back what `prepare_restart` has changed on members that were not restarted after all, and what keeps a member
    /// that leads from leading after its next start: for whoever takes up, ends or leaves an operation. What was done and what
    /// could not be, for people.
    fn take_back<'a>(&'a self, _doors: &'a [Endpoint]) -> BoxFuture<'a, Vec<String>> {
        Box::pin(async { Vec::new() })
    }

    /// TOUCH. Lets the data make use of that release's features; older servers cannot open it any more. The caller has made
    /// sure that every member runs it. Refused by engines that keep no such thing apart from the servers' own version.
    fn finalize<'a>(
        &'a self,
        _doors: &'a [Endpoint],
        release: &'a Version,
    ) -> BoxFuture<'a, Result<(), SwitchoverError>> {
        Box::pin(async move {
            let why = format!("what it runs is final already: there is no {release} to make final");
            Err(SwitchoverError::Refused { member: "the engine".to_owned(), why })
        })
    }

    /// TOUCH. Lets commits wait for a standby from now on, until `end_temporary_sync`; asked only where the assessment says that
    /// they wait for nobody and may be made to. Done already, nothing changes.
    fn begin_temporary_sync<'a>(&'a self, _doors: &'a [Endpoint]) -> BoxFuture<'a, Result<(), SwitchoverError>> {
        Box::pin(async {
            let why = "whom commits wait for is not changed here for a while".to_owned();
            Err(SwitchoverError::Refused { member: "the engine".to_owned(), why })
        })
    }

    /// TOUCH. Puts back what `begin_temporary_sync` has changed, on every member that still has it; nothing else.
    fn end_temporary_sync<'a>(&'a self, _doors: &'a [Endpoint]) -> BoxFuture<'a, Result<(), SwitchoverError>> {
        Box::pin(async { Ok(()) })
    }

    /// TOUCH, keys of its own only. Writes steadily through the door clients use, following the primary wherever it
    /// goes, until `stop` turns true; then reads everything back, removes it, and returns the ledger.
    fn canary(
        &self,
        endpoints: watch::Receiver<Vec<Endpoint>>,
        stop: watch::Receiver<bool>,
    ) -> BoxFuture<'_, Result<Ledger, String>>;
}

/// What came of getting ready for a member's restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prepared {
    /// It may be restarted.
    Ready,
    /// It may be restarted once nobody is led to it any more, which it has asked for: its readiness says so. What was done.
    OnceNobodyIsLedToIt(String),
    /// It took a while, in which anything may have happened: look again first. What was done.
    LookAgain(String),
}

/// A switchover that took place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletedSwitchover {
    /// From the request until the successor said it is the primary.
    pub took: Duration,
}

/// Why a switchover did not take place, or is not known to have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SwitchoverError {
    /// A member that must be spoken to has no way in.
    #[error("cannot reach {member}: {why}")]
    NoWay {
        /// The member.
        member: String,
        /// Why, in the driver's words.
        why: String,
    },
    /// The server refused; nothing has changed.
    #[error("{member} refused: {why}")]
    Refused {
        /// The member asked.
        member: String,
        /// What it said.
        why: String,
    },
    /// The successor did not take over in time and the old primary still leads; writes go on there.
    #[error("{to} had not taken over after {waited:?}; {from} is still the primary")]
    NotMoved {
        /// The present primary.
        from: String,
        /// The successor that was asked.
        to: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The connection broke or time ran out with the outcome open: look again, do not repeat.
    #[error("it is not known whether {to} took over: {why}")]
    Unknown {
        /// The successor that was asked.
        to: String,
        /// What happened.
        why: String,
    },
}
