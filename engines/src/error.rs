//! What can go wrong between an adapter and a server, a pooler or a canary. Secrets are never part of an error.

use std::time::Duration;

use crate::SwitchoverError;

/// Why a server did not give what was asked of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// There is no way to its port, or what is needed to log in is not known.
    #[error("{0}")]
    NoEndpoint(String),
    /// The network, the encryption or the connection failed; whether a question was heard is not known.
    #[error("{0}")]
    Connection(String),
    /// No connection was made in time.
    #[error("no connection within {0:?}")]
    NoConnection(Duration),
    /// It did not answer in time; whether the question was heard is not known.
    #[error("no answer within {0:?}")]
    NoAnswer(Duration),
    /// It refused, in its own words.
    #[error("{0}")]
    Refused(String),
    /// It answered something that cannot be understood.
    #[error("{0}")]
    Unreadable(&'static str),
    /// It answers, and is not the one that was looked for: it does not lead, or is not up.
    #[error("{member} {why}")]
    NotTheOne {
        /// The member.
        member: String,
        /// What it is not.
        why: &'static str,
    },
    /// There is no member to ask.
    #[error("there are no members")]
    NoMembers,
    /// What was waited for did not happen in time.
    #[error("it had not stopped within {0:?}")]
    NotStopped(Duration),
}

/// Why a pooler could not be asked, or its clients are not as they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolerError {
    /// Its console.
    #[error(transparent)]
    Console(#[from] ServerError),
    /// Its clients could not be paused once more.
    #[error(transparent)]
    NotPaused(#[from] SwitchoverError),
    /// Some of its connections may lead elsewhere.
    #[error(
        "after {waited:?} not every connection of {pools} is known to lead to {to}: RECONNECT on its console closes them"
    )]
    NotRepointed {
        /// How long it was waited for.
        waited: Duration,
        /// Names of its pools.
        pools: String,
        /// The member they should lead to.
        to: String,
    },
}

/// Why a canary has no ledger to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanaryError {
    /// It could not begin.
    #[error(transparent)]
    Begin(#[from] ServerError),
    /// What it wrote could not be read back, and is still there.
    #[error("the canary could not read back {what}: {why}; remove it by hand: {removal}")]
    ReadBack {
        /// What it wrote to.
        what: String,
        /// Why.
        why: ServerError,
        /// What to type to remove it.
        removal: String,
    },
}
