//! TOUCH. Moves the primary role without losing a write. Only the files of this folder change a PostgreSQL database.
//!
//! The order is always the same: everything slow first (`prepare`), then the old primary is made a standby on its own disk *before*
//! it is stopped (`fence`), so that it cannot come back as a second primary, however it is restarted; our WAL receiver receives the
//! end of its log, the successor must have all of it, and only then is it promoted. If the successor does not have all of it, no
//! member is promoted by guesswork: the member that has everything becomes the primary (`finish`).

mod decide;
#[cfg(test)]
mod explored;
pub(super) mod fence;
mod finish;
pub(super) mod follow;
pub(super) mod leftover_slots;
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
use decide::{Decision, Others, ServerState, decide, decide_in_pause};
use wal_receiver::WalReceiver;

/// How often a server is asked for its position while clients' writes wait. Asking takes a fraction of a millisecond.
const POLL: Duration = Duration::from_millis(5);

/// Between two questions while there is no primary and both members are waited for. A server that starts takes a second or so.
pub(super) const CHECK_EVERY: Duration = Duration::from_millis(50);

/// How long the other members may take to say that one of them is the primary, while clients' writes wait for the promotion: one that
/// hangs must not make them wait longer.
const NOTICED_WITHIN: Duration = Duration::from_millis(200);

/// A server that gets the order for a fast stop ends its sessions at once. If it is still the primary after this long it did not
/// get the order.
const NOT_STOPPING: Duration = Duration::from_secs(10);

/// How long it may take until both answer. A standby that hangs holds the old primary's stop up for
/// `wal_sender_timeout` (60 s), and then it has to be started again.
pub(super) const SETTLED_WITHIN: Duration = Duration::from_mins(2);

pub(super) async fn switch_over(context: &SwitchoverContext<'_>) -> Result<CompletedSwitchover, SwitchoverError> {
    let states = context.all_states().await;
    match decide(states.from, states.to, states.known_of_others(), None) {
        Decision::Begin => begin(context).await,
        Decision::Done => Ok(CompletedSwitchover { took: Duration::ZERO }),
        // A switchover was begun and not finished: there is no primary, and clients wait.
        Decision::PromoteSuccessor | Decision::PromoteOldPrimary | Decision::Wait => {
            finish::finish(context, Instant::now(), None, Vec::new()).await
        }
        Decision::TwoPrimaries => Err(context.refused(states.name_primaries(context))),
    }
}

async fn begin(context: &SwitchoverContext<'_>) -> Result<CompletedSwitchover, SwitchoverError> {
    let prepared = prepare::prepare(context).await?;
    let stopped = async {
        context.clients.pause().await?;
        context.clients.confirm_lock().await?;
        let started = Instant::now();
        fence::fence(context, &prepared.data_directory).await?;
        Ok((started, stop(context, &prepared.data_directory, prepared.wal_receiver).await?))
    };
    let (started, last) = match stopped.await {
        Ok(stopped) => stopped,
        Err(lost @ SwitchoverError::LockNotConfirmed(_)) => return Err(lost),
        Err(refused) => {
            prepare::undo(context, &prepared.followers).await;
            return Err(refused);
        }
    };
    if let Some(last) = last {
        let (received, others) =
            futures::join!(promote::has_received(context, last), context.others_within(NOTICED_WITHIN));
        match decide_in_pause(received, Others::of(others.iter().map(|(_, state)| *state))) {
            Decision::PromoteSuccessor => {
                return promote_successor::promote_successor(context, &prepared.followers, started, Some(last)).await;
            }
            Decision::TwoPrimaries => {
                let primary = others.iter().find(|(_, state)| *state == ServerState::Primary);
                let member = primary.map_or("another member", |(member, _)| member);
                return Err(
                    context.unknown(format!("{member} became the primary meanwhile; {} is fenced", context.from))
                );
            }
            Decision::Wait | Decision::Begin | Decision::Done | Decision::PromoteOldPrimary => {}
        }
    }
    finish::finish(context, started, last, prepared.followers).await
}

/// Stops the old primary and returns the end of its log. None where the WAL receiver did not receive the end; then both members are
/// asked once the old primary is back. The end of the log is a better proof than the answer to the order, so a connection that
/// falls silent costs no extra time.
async fn stop(
    context: &SwitchoverContext<'_>,
    data_directory: &str,
    wal_receiver: WalReceiver,
) -> Result<Option<Lsn>, SwitchoverError> {
    let stopped = pin!(fence::stop(context, data_directory));
    let ended = pin!(wal_receiver.end_of_log());
    match select(stopped, ended).await {
        Either::Left((stopped, ended)) => {
            stopped?;
            Ok(ended.await.ok())
        }
        Either::Right((Ok(last), _)) => Ok(Some(last)),
        Either::Right((Err(_), stopped)) => stopped.await.map(|()| None),
    }
}

/// A switchover in progress: its two members, the connections to all, and the control over clients.
pub(super) struct SwitchoverContext<'a> {
    pub(super) connections: &'a Connections,
    pub(super) endpoints: &'a [Endpoint],
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    pub(super) clients: &'a dyn ClientPause,
}

impl SwitchoverContext<'_> {
    fn endpoint(&self, member: &str) -> Result<&Endpoint, SwitchoverError> {
        let endpoint = self.endpoints.iter().find(|endpoint| endpoint.member == member);
        endpoint
            .ok_or_else(|| SwitchoverError::Unreachable { member: member.to_owned(), why: "it has no pod".to_owned() })
    }

    /// The members that are neither the old primary nor the successor.
    fn others(&self) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.iter().filter(|endpoint| endpoint.member != self.from && endpoint.member != self.to)
    }

    async fn client(&self, member: &str) -> Result<Arc<Client>, SwitchoverError> {
        let client = self.connections.to(self.endpoint(member)?).await;
        client.map_err(|why| SwitchoverError::Unreachable { member: member.to_owned(), why: why.to_string() })
    }

    /// Asks a member. Whether the member refuses, does not answer or the connection breaks, a question changes nothing.
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
    async fn value(&self, member: &str, question: &str) -> Result<Option<String>, SwitchoverError> {
        self.value_within(member, question, PATIENCE).await
    }

    async fn value_within(
        &self,
        member: &str,
        question: &str,
        patience: Duration,
    ) -> Result<Option<String>, SwitchoverError> {
        let word = self.connections.value(self.endpoint(member)?, question, patience).await;
        word.map_err(|why| SwitchoverError::Unreachable { member: member.to_owned(), why: why.to_string() })
    }

    /// The states of the two, asked at the same time.
    async fn states(&self) -> (ServerState, ServerState) {
        futures::join!(self.state(self.from), self.state(self.to))
    }

    /// The states of all members, asked at the same time.
    async fn all_states(&self) -> States {
        let (from, to, others) =
            futures::join!(self.state_of_old_primary(), self.state(self.to), self.others_within(PATIENCE));
        States { from, to, others }
    }

    /// The states of the members that are neither the old primary nor the successor. One without a pod is silent: its volume may
    /// hold a primary, which comes back with its next pod.
    async fn others_within(&self, patience: Duration) -> Vec<(String, ServerState)> {
        let state = |endpoint: &Endpoint| {
            let member = endpoint.member.clone();
            async move { (member.clone(), self.state_within(&member, patience).await) }
        };
        futures::future::join_all(self.others().map(state)).await
    }

    /// The state of the old primary. As a standby it may have been ordered to become the primary again; where that is not known it
    /// counts as silent.
    async fn state_of_old_primary(&self) -> ServerState {
        match self.state(self.from).await {
            ServerState::Standby { position } => match return_to_primary::is_returning(self).await {
                Ok(true) => ServerState::Returning { position },
                Ok(false) => ServerState::Standby { position },
                Err(_) => ServerState::Silent,
            },
            other => other,
        }
    }

    /// A member's role and position now. A member that does not answer in time is silent.
    async fn state(&self, member: &str) -> ServerState {
        self.state_within(member, PATIENCE).await
    }

    async fn state_within(&self, member: &str, patience: Duration) -> ServerState {
        match self.value_within(member, POSITION, patience).await {
            Ok(Some(word)) if word == "leads" => ServerState::Primary,
            Ok(Some(word)) => {
                Lsn::parse(&word).map_or(ServerState::Silent, |position| ServerState::Standby { position })
            }
            Ok(None) | Err(_) => ServerState::Silent,
        }
    }

    pub(super) fn refused(&self, why: String) -> SwitchoverError {
        SwitchoverError::Refused { member: self.from.to_owned(), why }
    }

    fn unknown(&self, why: String) -> SwitchoverError {
        SwitchoverError::Unknown { to: self.to.to_owned(), why }
    }
}

/// The states of all members at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
struct States {
    from: ServerState,
    to: ServerState,
    others: Vec<(String, ServerState)>,
}

impl States {
    fn known_of_others(&self) -> Others {
        Others::of(self.others.iter().map(|(_, state)| *state))
    }

    /// The members that take writes, as a sentence.
    fn name_primaries(&self, context: &SwitchoverContext<'_>) -> String {
        let of_two = [(context.from, self.from), (context.to, self.to)].into_iter();
        let all = of_two.chain(self.others.iter().map(|(member, state)| (member.as_str(), *state)));
        let primaries: Vec<&str> =
            all.filter(|(_, state)| *state == ServerState::Primary).map(|(member, _)| member).collect();
        match primaries.as_slice() {
            [one] => format!("{one} is the primary already"),
            several => format!("{} are primaries at the same time", several.join(" and ")),
        }
    }

    /// The members that do not answer, as a sentence.
    fn name_silent(&self, context: &SwitchoverContext<'_>) -> String {
        let of_two = [(context.from, self.from), (context.to, self.to)].into_iter();
        let all = of_two.chain(self.others.iter().map(|(member, state)| (member.as_str(), *state)));
        let silent: Vec<&str> =
            all.filter(|(_, state)| *state == ServerState::Silent).map(|(member, _)| member).collect();
        silent.join(", ")
    }
}

/// Selects a server's role and position. A standby's position is the later of what it has received and flushed since it started
/// and what it has replayed: after a restart only the second is known, and what it received it then replays.
const POSITION: &str = "SELECT CASE WHEN pg_is_in_recovery() \
    THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::text ELSE 'leads' END";
