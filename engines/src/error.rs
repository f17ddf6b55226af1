//! What can go wrong between an adapter and a server, a pooler or a canary. Secrets are never part of an error.

use std::time::Duration;

/// Why a server did not give what was asked of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// Its port cannot be reached from here, or its user or password is not known.
    #[error("{0}")]
    NoEndpoint(String),
    /// The network, the encryption or the connection failed; whether the server received the question is not known.
    #[error("{0}")]
    Connection(String),
    /// No connection was made in time.
    #[error("no connection within {0:?}")]
    NoConnection(Duration),
    /// It did not answer in time; whether it received the question is not known.
    #[error("no answer within {0:?}")]
    NoAnswer(Duration),
    /// It refused, in its own words.
    #[error("{0}")]
    Refused(String),
    /// It answered something that cannot be understood.
    #[error("{0}")]
    Unreadable(&'static str),
    /// It answers, but cannot take clients' writes: it is not the primary, or not up.
    #[error("{member} {why}")]
    Unsuitable {
        /// The member.
        member: String,
        /// Why not.
        why: &'static str,
    },
    /// There is no member to ask.
    #[error("there are no members")]
    NoMembers,
    /// What was waited for did not happen in time.
    #[error("it had not stopped within {0:?}")]
    NotStopped(Duration),
}

/// Why a switchover did not take place, or is not known to have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SwitchoverError {
    /// A member that has to be asked cannot be reached.
    #[error("cannot reach {member}: {why}")]
    Unreachable {
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
    /// The successor did not take over in time; the old primary is still the primary and takes writes.
    #[error("{to} had not taken over after {waited:?}; {from} is still the primary")]
    NotMoved {
        /// The present primary.
        from: String,
        /// The successor that was asked.
        to: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The operation may be another process's by now. Nothing is changed from here on, and nothing set back: that would be done under the
    /// other one's hands. What is left the next holder of the lock sets back.
    #[error("{0}")]
    LockNotConfirmed(String),
    /// The connection broke or time ran out before the outcome was known: observe the database, do not repeat the order.
    #[error("it is not known whether {to} took over: {why}")]
    Unknown {
        /// The successor that was asked.
        to: String,
        /// What happened.
        why: String,
    },
}

/// Why a pooler could not be asked, or its clients are not as they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolerError {
    /// Its console did not answer as it should.
    #[error(transparent)]
    Console(#[from] ServerError),
    /// Its clients could not be paused once more.
    #[error(transparent)]
    NotPaused(#[from] SwitchoverError),
    /// Some of its connections may still go to another server.
    #[error(
        "after {waited:?} not every connection of {pools} is known to lead to {to}: RECONNECT on its console closes them"
    )]
    NotRepointed {
        /// How long it was waited for.
        waited: Duration,
        /// Names of its pools.
        pools: String,
        /// The member they should go to.
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
