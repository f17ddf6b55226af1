//! TOUCH. Moves the primary role without losing a write. Only the files of this folder change a MongoDB replica set.
//!
//! The order: everything slow first. The others are led to read from the successor (`sources`), so that a majority has
//! each write as soon as it leads; they are kept from standing themselves (`freeze`). Then the primary is told to step down:
//! it refuses writes, waits until a secondary has all of them, and only then gives the lead up; never by force. The
//! successor, whom the primary may not have chosen, is told to stand at once (`stand`), since nobody else may.

mod freeze;
mod quiet;
mod sources;
mod stand;

use std::time::{Duration, Instant};

use mongodb::bson::{Document, doc};

use super::Answers;
use super::answers::host;
use super::connections::{Connections, ask, is_its_word, order, words};
use crate::{CompletedSwitchover, Endpoint, Prepared, SwitchoverError};

/// How long the primary itself may refuse writes before it calls the step-down off, in seconds.
const CATCH_UP: i32 = 2;

/// For how long the one that stepped down does not stand again, in seconds; more than the other two times together, as its
/// manual demands. Ended when the successor leads.
const STAYS_DOWN: i32 = 20;

/// Past the primary's own limit it has either stepped down or will not.
const STEPPED_DOWN_WITHIN: Duration = Duration::from_secs(6);

/// How far the successor may be behind when the primary is told to step down: writes are refused until it is not.
const CLOSE: i64 = 1_000;

pub(super) async fn switch_over(
    connections: &Connections,
    endpoints: &[Endpoint],
    from: &str,
    to: &str,
) -> Result<CompletedSwitchover, SwitchoverError> {
    let context = SwitchoverContext { connections, endpoints, from, to };
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
    let readers = sources::arrange(&context).await?;
    let moved = match close(&context).await {
        Ok(()) => {
            freeze::secondaries(&context, &readers).await;
            step_down(&context, &readers).await
        }
        Err(far) => Err(far),
    };
    // Whatever became of it: with nobody frozen the set looks after itself.
    match &moved {
        Ok(_) => freeze::nobody_but_one_wanted_more(&context).await,
        Err(_) => freeze::nobody(&context).await,
    }
    moved
}

/// Leads those that read from a member to the primary, before the member is restarted: without a source they would sleep for
/// a second, and majority writes with them.
pub(super) async fn nobody_reads_from(
    connections: &Connections,
    endpoints: &[Endpoint],
    member: &str,
) -> Result<Prepared, SwitchoverError> {
    match connections.leader(endpoints).await {
        Ok((primary, _)) if primary != member => {
            let context = SwitchoverContext { connections, endpoints, from: &primary, to: member };
            sources::nobody_reads_from(&context, member).await
        }
        // Nobody to read from instead; whether it may be taken at all is not asked here.
        Ok(_) | Err(_) => Ok(Prepared::Ready),
    }
}

async fn step_down(
    context: &SwitchoverContext<'_>,
    readers: &[String],
) -> Result<CompletedSwitchover, SwitchoverError> {
    let link = context.link(context.from).await?;
    let started = Instant::now();
    let stepdown = doc! { "replSetStepDown": STAYS_DOWN, "secondaryCatchUpPeriodSecs": CATCH_UP, "force": false };
    match order(&link, stepdown, STEPPED_DOWN_WITHIN).await {
        // It leads on.
        Err(error) if is_its_word(&error) => Err(refused(context.from, words(&error))),
        // Where the connection broke, or no answer came, it may have stepped down all the same.
        Ok(_) | Err(_) => {
            quiet::wait(context, readers).await;
            stand::stand(context, started).await
        }
    }
}

/// Whether the successor is close enough behind that writes wait for a moment only.
async fn close(context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
    let (old, new) = futures::try_join!(context.status(context.from), context.status(context.to))?;
    match old.applied().zip(new.applied()).map(|(old, new)| old - new) {
        Some(behind) if behind <= CLOSE => Ok(()),
        Some(behind) => {
            let why = format!("it is {behind} ms behind its primary, the limit is {CLOSE} ms");
            Err(refused(context.to, why))
        }
        None => Err(refused(context.to, "its position in the oplog is not known".to_owned())),
    }
}

/// A switchover in progress: between whom, and the way to them.
struct SwitchoverContext<'a> {
    connections: &'a Connections,
    endpoints: &'a [Endpoint],
    from: &'a str,
    to: &'a str,
}

impl<'a> SwitchoverContext<'a> {
    /// Everybody but the two.
    fn others(&self) -> impl Iterator<Item = &'a Endpoint> {
        let (from, to) = (self.from, self.to);
        self.endpoints.iter().filter(move |endpoint| endpoint.member != from && endpoint.member != to)
    }

    fn endpoint(&self, member: &str) -> Result<&'a Endpoint, SwitchoverError> {
        let endpoint = self.endpoints.iter().find(|endpoint| endpoint.member == member);
        endpoint
            .ok_or_else(|| SwitchoverError::Unreachable { member: member.to_owned(), why: "it has no pod".to_owned() })
    }

    async fn link(&self, member: &str) -> Result<mongodb::Client, SwitchoverError> {
        let link = self.connections.to(self.endpoint(member)?).await;
        link.map_err(|why| SwitchoverError::Unreachable { member: member.to_owned(), why: why.to_string() })
    }

    /// Asks a member; its own "no" and a broken connection are the same to a question: nothing has changed.
    async fn asked(&self, member: &str, question: Document) -> Result<Document, SwitchoverError> {
        let link = self.link(member).await?;
        let answer = ask(&link, question).await;
        answer.map_err(|error| SwitchoverError::Unreachable { member: member.to_owned(), why: words(&error) })
    }

    async fn status(&self, member: &str) -> Result<Answers, SwitchoverError> {
        let status = self.asked(member, doc! { "replSetGetStatus": 1 }).await?;
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
