//! TOUCH. Moves the primary role without losing a write. Only the files of this folder change a PostgreSQL database.
//!
//! The order is always the same: everything slow first (`prepare`), then the old primary is made a standby on its own
//! disk *before* it is stopped (`fence`), so that it cannot come back as a second writer whoever starts it; a witness
//! hears the end of its log, the successor must have all of it, and only then is it promoted. If the successor has not,
//! nobody is promoted by guesswork: whoever has everything leads on (`finish`).

mod decide;
pub(super) mod fence;
mod finish;
mod follow;
pub(super) mod patroni;
pub(super) mod poolers;
mod prepare;
mod promote;
mod promote_successor;
pub(super) mod repoint_poolers;
mod return_to_primary;
mod shutdown_record;
mod successor_host;
pub(super) mod temporary_sync;
mod wal_receiver;
mod wire;

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::{Either, select};
use tokio_postgres::Client;

use super::answers::TextRow;
use super::connections::{Connections, PATIENCE};
use super::lsn::Lsn;
use crate::{ClientPause, CompletedSwitchover, Endpoint, SwitchoverError};
use decide::{Next, Side, next};
use wal_receiver::Witness;

/// How often a server is asked how far it is while writes wait. Asking costs a fraction of a millisecond.
const POLL: Duration = Duration::from_millis(5);

/// Between two looks while nobody leads and both are waited for. A server that starts takes a second or so.
const LOOK: Duration = Duration::from_millis(50);

/// A server that was told to stop fast ends its sessions at once. One that still leads after this long was not told.
const NOT_STOPPING: Duration = Duration::from_secs(10);

/// How long it may take until both answer. A standby that hangs holds the old primary's stop up for
/// `wal_sender_timeout` (60 s), and then it has to be started again.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

pub(super) async fn switch_over(context: &SwitchoverContext<'_>) -> Result<CompletedSwitchover, SwitchoverError> {
    for other in context.others() {
        if context.side(&other.member).await == Side::Leads {
            return Err(context.refused(format!("{} leads already", other.member)));
        }
    }
    let (old, new) = context.sides().await;
    match next(old, new, None) {
        Next::Begin => begin(context).await,
        Next::Done => Ok(CompletedSwitchover { took: Duration::ZERO }),
        // Somebody began and did not end it: nobody leads, and clients wait.
        Next::PromoteSuccessor | Next::PromoteBack | Next::Wait => {
            finish::finish(context, Instant::now(), None, Vec::new()).await
        }
        Next::TwoPrimaries => Err(context.refused(format!("{} leads as well", context.to))),
    }
}

async fn begin(context: &SwitchoverContext<'_>) -> Result<CompletedSwitchover, SwitchoverError> {
    let prepared = prepare::prepare(context).await?;
    let stopped = async {
        context.clients.pause().await?;
        let started = Instant::now();
        fence::fence(context, &prepared.data_directory).await?;
        Ok((started, stop(context, &prepared.data_directory, prepared.witness).await?))
    };
    let (started, last) = match stopped.await {
        Ok(stopped) => stopped,
        Err(refused) => {
            prepare::undo(context, &prepared.followers).await;
            return Err(refused);
        }
    };
    if let Some(last) = last
        && promote::has_received(context, last).await
    {
        return promote_successor::promote_successor(context, &prepared.followers, started, Some(last)).await;
    }
    finish::finish(context, started, last, prepared.followers).await
}

/// Stops the old primary and hears the end of its log. None where that was not heard, which is no end: then both are asked,
/// once it is back. Its end says more than the answer to the order: a connection that falls silent costs no time of its own.
async fn stop(
    context: &SwitchoverContext<'_>,
    data_directory: &str,
    witness: Witness,
) -> Result<Option<Lsn>, SwitchoverError> {
    let told = pin!(fence::stop(context, data_directory));
    let heard = pin!(witness.last_words());
    match select(told, heard).await {
        Either::Left((told, heard)) => {
            told?;
            Ok(heard.await.ok())
        }
        Either::Right((Ok(last), _)) => Ok(Some(last)),
        Either::Right((Err(_), told)) => told.await.map(|()| None),
    }
}

/// A switchover in progress: between whom, the way to them, and what clients come through.
pub(super) struct SwitchoverContext<'a> {
    pub(super) connections: &'a Connections,
    pub(super) endpoints: &'a [Endpoint],
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    pub(super) gate: &'a dyn ClientPause,
}

impl SwitchoverContext<'_> {
    fn endpoint(&self, member: &str) -> Result<&Endpoint, SwitchoverError> {
        let endpoint = self.endpoints.iter().find(|endpoint| endpoint.member == member);
        endpoint
            .ok_or_else(|| SwitchoverError::Unreachable { member: member.to_owned(), why: "it has no pod".to_owned() })
    }

    /// Everybody but the two.
    fn others(&self) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.iter().filter(|endpoint| endpoint.member != self.from && endpoint.member != self.to)
    }

    async fn link(&self, member: &str) -> Result<Arc<Client>, SwitchoverError> {
        let link = self.connections.to(self.endpoint(member)?).await;
        link.map_err(|why| SwitchoverError::Unreachable { member: member.to_owned(), why: why.to_string() })
    }

    /// Asks a member; its own "no", silence and a broken connection are the same to a question: nothing has changed.
    async fn rows(&self, member: &str, question: &str) -> Result<Vec<TextRow>, SwitchoverError> {
        self.rows_within(member, question, PATIENCE).await
    }

    async fn rows_within(
        &self,
        member: &str,
        question: &str,
        patience: Duration,
    ) -> Result<Vec<TextRow>, SwitchoverError> {
        let answers = self.connections.ask(self.endpoint(member)?, question, patience).await;
        let answers =
            answers.map_err(|why| SwitchoverError::Unreachable { member: member.to_owned(), why: why.to_string() })?;
        Ok(answers.into_iter().next().unwrap_or_default())
    }

    /// The only column of the only row of an answer, if there is one and it is not NULL.
    async fn word(&self, member: &str, question: &str) -> Result<Option<String>, SwitchoverError> {
        self.word_within(member, question, PATIENCE).await
    }

    async fn word_within(
        &self,
        member: &str,
        question: &str,
        patience: Duration,
    ) -> Result<Option<String>, SwitchoverError> {
        let word = self.connections.word(self.endpoint(member)?, question, patience).await;
        word.map_err(|why| SwitchoverError::Unreachable { member: member.to_owned(), why: why.to_string() })
    }

    /// Where the two stand, asked at the same time.
    async fn sides(&self) -> (Side, Side) {
        futures::join!(self.side(self.from), self.side(self.to))
    }

    /// What a member is now, and how far it has come. One that does not answer in time is silent.
    async fn side(&self, member: &str) -> Side {
        match self.word(member, POSITION).await {
            Ok(Some(word)) if word == "leads" => Side::Leads,
            Ok(Some(word)) => Lsn::parse(&word).map_or(Side::Silent, |position| Side::Follows { position }),
            Ok(None) | Err(_) => Side::Silent,
        }
    }

    pub(super) fn refused(&self, why: String) -> SwitchoverError {
        SwitchoverError::Refused { member: self.from.to_owned(), why }
    }

    fn unknown(&self, why: String) -> SwitchoverError {
        SwitchoverError::Unknown { to: self.to.to_owned(), why }
    }
}

/// What a server is, in one word. A standby's position is the later of what it has received and flushed since it started
/// and what it has replayed: after a restart only the second is known, and what it received it then replays.
const POSITION: &str = "SELECT CASE WHEN pg_is_in_recovery() \
    THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::text ELSE 'leads' END";
