//! TOUCH. Moves the primary role without losing a write. Only the files of this folder change a MongoDB replica set.
//!
//! The order: everything slow first. The other secondaries are made to replicate from the successor (`sync_source`), so that a
//! majority has each write as soon as the successor is the primary; they are kept from standing for election (`freeze`). Then
//! the primary is ordered to step down: it refuses writes, waits until a secondary has all of them, and only then steps down;
//! never by force. The successor, which the primary may not have chosen, is ordered to stand for election at once
//! (`election`), since no other member may.

mod election;
mod freeze;
mod replication_settled;
mod sync_source;

use std::time::{Duration, Instant};

use mongodb::bson::{Document, doc};

use super::Answers;
use super::answers::host;
use super::connections::{Connections, ask, is_servers_refusal, order, words};
use crate::{ClientPause, CompletedSwitchover, Endpoint, NoClientPause, Prepared, SwitchoverError};

/// How long the primary itself may refuse writes before it aborts the step-down, in seconds.
const CATCH_UP: i32 = 2;

/// For how long the member that stepped down does not stand for election again, in seconds; more than the other two times together,
/// as its manual demands. Ended when the successor leads.
const STAYS_DOWN: i32 = 20;

/// Past the primary's own limit it has either stepped down or will not.
const STEPPED_DOWN_WITHIN: Duration = Duration::from_secs(6);

/// How far the successor may be behind when the primary is ordered to step down, in milliseconds: the primary refuses writes until
/// the successor has caught up.
const MAX_LAG: i64 = 1_000;

pub(super) async fn switch_over(
    connections: &Connections,
    endpoints: &[Endpoint],
    (from, to): (&str, &str),
    clients: &dyn ClientPause,
) -> Result<CompletedSwitchover, SwitchoverError> {
    let context = SwitchoverContext { connections, endpoints, from, to, clients };
    let (old, new) = futures::try_join!(context.status(from), context.status(to))?;
    if new.leads() && !old.leads() {
        return Ok(CompletedSwitchover { took: Duration::ZERO });
    }
    if !old.leads() {
        return Err(refused(from, "it does not lead".to_owned()));
    }
    if !new.follows() {
        return Err(refused(to, "it is no secondary now".to_owned()));
    }
    let readers = sync_source::arrange(&context).await?;
    let moved = match check_lag(&context).await {
        Ok(()) => {
            freeze::secondaries(&context, &readers).await;
            step_down(&context, &readers).await
        }
        Err(lag) => Err(lag),
    };
    // However it ended, also where another process may have begun: once no member is frozen the set can elect a primary by itself, and
    // which one it elects costs no write.
    match &moved {
        Ok(_) => freeze::unfreeze_after_switchover(&context).await,
        Err(_) => freeze::unfreeze_all(&context).await,
    }
    moved
}

/// Lets the secondaries that replicate from a member replicate from the primary, before the member is restarted: without a source
/// they would sleep for a second, and majority writes would wait.
pub(super) async fn move_readers_away(
    connections: &Connections,
    endpoints: &[Endpoint],
    member: &str,
) -> Result<Prepared, SwitchoverError> {
    match connections.find_primary(endpoints).await {
        Ok((primary, _)) if primary != member => {
            let clients = &NoClientPause;
            let context = SwitchoverContext { connections, endpoints, from: &primary, to: member, clients };
            sync_source::move_readers_away(&context, member).await
        }
        // There is no other source; whether the member may be restarted at all is the judge's question.
        Ok(_) | Err(_) => Ok(Prepared::Ready),
    }
}

async fn step_down(
    context: &SwitchoverContext<'_>,
    readers: &[String],
) -> Result<CompletedSwitchover, SwitchoverError> {
    let client = context.client(context.from).await?;
    context.clients.confirm_lock().await?;
    let started = Instant::now();
    let stepdown = doc! { "replSetStepDown": STAYS_DOWN, "secondaryCatchUpPeriodSecs": CATCH_UP, "force": false };
    match order(&client, stepdown, STEPPED_DOWN_WITHIN).await {
        // It is still the primary.
        Err(error) if is_servers_refusal(&error) => Err(refused(context.from, words(&error))),
        // Where the connection broke, or no answer came, it may have stepped down all the same.
        Ok(_) | Err(_) => {
            replication_settled::wait(context, readers).await;
            election::elect_successor(context, started).await
        }
    }
}

/// Refuses where the successor is so far behind that writes would wait for more than a moment.
async fn check_lag(context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
    let (old, new) = futures::try_join!(context.status(context.from), context.status(context.to))?;
    match old.applied().zip(new.applied()).map(|(old, new)| old - new) {
        Some(behind) if behind <= MAX_LAG => Ok(()),
        Some(behind) => {
            let why = format!("it is {behind} ms behind its primary, the limit is {MAX_LAG} ms");
            Err(refused(context.to, why))
        }
        None => Err(refused(context.to, "its position in the oplog is not known".to_owned())),
    }
}

/// A switchover in progress: its two members, the connections to all, and the operation that it belongs to.
struct SwitchoverContext<'a> {
    connections: &'a Connections,
    endpoints: &'a [Endpoint],
    from: &'a str,
    to: &'a str,
    clients: &'a dyn ClientPause,
}

impl<'a> SwitchoverContext<'a> {
    /// The members that are neither the old primary nor the successor.
    fn others(&self) -> impl Iterator<Item = &'a Endpoint> {
        let (from, to) = (self.from, self.to);
        self.endpoints.iter().filter(move |endpoint| endpoint.member != from && endpoint.member != to)
    }

    fn endpoint(&self, member: &str) -> Result<&'a Endpoint, SwitchoverError> {
        let endpoint = self.endpoints.iter().find(|endpoint| endpoint.member == member);
        endpoint
            .ok_or_else(|| SwitchoverError::Unreachable { member: member.to_owned(), why: "it has no pod".to_owned() })
    }

    async fn client(&self, member: &str) -> Result<mongodb::Client, SwitchoverError> {
        let client = self.connections.to(self.endpoint(member)?).await;
        client.map_err(|why| SwitchoverError::Unreachable { member: member.to_owned(), why: why.to_string() })
    }

    /// Asks a member. Whether the member refuses or the connection breaks, a question changes nothing.
    async fn ask(&self, member: &str, question: Document) -> Result<Document, SwitchoverError> {
        let client = self.client(member).await?;
        let answer = ask(&client, question).await;
        answer.map_err(|error| SwitchoverError::Unreachable { member: member.to_owned(), why: words(&error) })
    }

    async fn status(&self, member: &str) -> Result<Answers, SwitchoverError> {
        let status = self.ask(member, doc! { "replSetGetStatus": 1 }).await?;
        Ok(Answers { status, ..Answers::default() })
    }

    /// What the set calls a member: host and port, as its configuration has it.
    async fn host(&self, member: &str) -> Result<String, SwitchoverError> {
        let endpoint = self.endpoint(member)?;
        let status = self.status(self.from).await?;
        let named = status.members().find(|listed| endpoint.is_at(host(listed, "name")));
        let named = named.and_then(|listed| listed.get_str("name").ok()).map(ToOwned::to_owned);
        named.ok_or_else(|| refused(self.from, format!("it does not list {member}")))
    }

    fn unknown(&self, why: String) -> SwitchoverError {
        SwitchoverError::Unknown { to: self.to.to_owned(), why }
    }
}

fn refused(member: &str, why: String) -> SwitchoverError {
    SwitchoverError::Refused { member: member.to_owned(), why }
}
