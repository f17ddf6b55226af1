//! TOUCH. Moves the primary role without losing a write. Only the files of this folder change a Redis database.
//!
//! There are three procedures: for Redis Cluster, for Sentinel, and for plain replication. Each makes writes wait, waits until
//! the successor has every byte, and only then makes it the primary. `FORCE` and `TAKEOVER` skip exactly that, so they are not
//! in this code.

mod cluster;
mod follow;
mod replication;
mod sentinel;

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Value, cmd};

use super::Answers;
use super::connections::{Connections, words};
use super::observe::observe;
use crate::{ClientPause, CompletedSwitchover, Endpoint, NoClientPause, ServerError, SwitchoverError};

/// How often a server is asked for its role. A switchover takes 20 to 300 ms; asking costs nothing.
const POLL: Duration = Duration::from_millis(20);

pub(super) async fn switch_over(
    connections: &Connections,
    endpoints: &[Endpoint],
    watchers: &[Endpoint],
    (from, to): (&str, &str),
    clients: &dyn ClientPause,
) -> Result<CompletedSwitchover, SwitchoverError> {
    let context = SwitchoverContext { connections, endpoints, from, to, clients };
    let info = context.info(&mut context.connection(to).await?, to).await?;
    if info.is_cluster() {
        cluster::switch_over(&context).await
    } else if watchers.is_empty() {
        refuse_behind_sentinels(&context).await?;
        replication::switch_over(&context).await
    } else {
        sentinel::switch_over(&context, watchers).await
    }
}

/// Refuses a switchover of which Sentinels would learn nothing: they would call the old primary gone, and elect one beside the new.
/// The caller knows of none; the servers' own subscribers say whether that is so.
async fn refuse_behind_sentinels(context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
    for seen in observe(context.connections, context.endpoints).await {
        let Ok(answers) = seen.answer else { continue };
        if answers.subscribers.is_none() {
            return Err(refusal(
                &seen.member,
                "it does not answer CLIENT LIST: Sentinels may watch over it".to_owned(),
            ));
        }
        let sentinels = answers.sentinels();
        if !sentinels.is_empty() {
            let at = sentinels.join(", ");
            let why = format!("Sentinels at {at} watch over it, and none is in reach to be asked");
            return Err(refusal(&seen.member, why));
        }
    }
    Ok(())
}

/// Has a member come back with the role that it has now, and has no other member depend on it meanwhile. Which other replicas
/// were led from it to the primary.
///
/// Its present role is recorded in its configuration file, if it has one: the process that switched over may have died before it
/// did so. In a Redis Cluster the nodes' own file does that. A member that is down has said what it had to say.
pub(super) async fn prepare_restart(
    connections: &Connections,
    endpoints: &[Endpoint],
    member: &str,
) -> Result<Vec<String>, SwitchoverError> {
    let context = SwitchoverContext { connections, endpoints, from: member, to: member, clients: &NoClientPause };
    let Ok(mut connection) = context.connection(member).await else {
        return Ok(Vec::new());
    };
    let info = context.info(&mut connection, member).await?;
    if info.is_cluster() {
        return Ok(Vec::new());
    }
    let led = follow::leave(&context, member).await?;
    if info.field("role") == Some("slave") {
        sentinel::write_fence::take_off(&mut connection).await.map_err(|error| refused(member, &error))?;
    }
    let has_file = info.field("config_file").is_some_and(|file| !file.is_empty());
    // A primary's fence is not written down: it would outlive its next start.
    if has_file && !sentinel::write_fence::is_up(&mut connection).await {
        context.order(&mut connection, member, cmd("CONFIG").arg("REWRITE")).await?;
    }
    Ok(led)
}

/// Puts back what a process that died in a switchover has left: settings of the duration, and roles that are in no file. What was
/// done, and what could not be.
pub(super) async fn take_back(connections: &Connections, endpoints: &[Endpoint], watchers: &[Endpoint]) -> Vec<String> {
    let mut told = sentinel::leftovers::take_back(connections, endpoints, watchers).await;
    for endpoint in endpoints {
        // One that does not answer is asked again before it is restarted.
        if let Err(SwitchoverError::Refused { member, why }) =
            prepare_restart(connections, endpoints, &endpoint.member).await
        {
            told.push(format!("{member} could not record its role: {why}"));
        }
    }
    told
}

/// A switchover in progress: its two members, the connections to all, and the operation that it belongs to.
struct SwitchoverContext<'a> {
    connections: &'a Connections,
    endpoints: &'a [Endpoint],
    from: &'a str,
    to: &'a str,
    clients: &'a dyn ClientPause,
}

impl SwitchoverContext<'_> {
    async fn connection(&self, member: &str) -> Result<MultiplexedConnection, SwitchoverError> {
        let unreachable =
            |why: ServerError| SwitchoverError::Unreachable { member: member.to_owned(), why: why.to_string() };
        let endpoint = self.endpoints.iter().find(|endpoint| endpoint.member == member);
        self.connections
            .to(endpoint.ok_or_else(|| unreachable(ServerError::NoEndpoint("it has no pod".to_owned())))?)
            .await
            .map_err(unreachable)
    }

    async fn info(&self, connection: &mut MultiplexedConnection, member: &str) -> Result<Answers, SwitchoverError> {
        let info: String = cmd("INFO").query_async(connection).await.map_err(|error| refused(member, &error))?;
        Ok(Answers { info, ..Answers::default() })
    }

    /// The same over the connection there is, or a new one where that one broke: a change of role closes it.
    async fn ask(&self, member: &str) -> Result<Answers, SwitchoverError> {
        let _ = self.role(member).await; // forgets a connection that broke
        self.info(&mut self.connection(member).await?, member).await
    }

    /// Sends the command that moves the primary role, if the operation is still this process's own.
    async fn order_failover(
        &self,
        connection: &mut MultiplexedConnection,
        member: &str,
        command: &Cmd,
    ) -> Result<(), SwitchoverError> {
        self.clients.confirm_lock().await?;
        self.order(connection, member, command).await
    }

    /// Sends a command that changes something. If the server answers with an error nothing has changed; if the connection breaks
    /// the command may have been carried out.
    async fn order(
        &self,
        connection: &mut MultiplexedConnection,
        member: &str,
        command: &Cmd,
    ) -> Result<(), SwitchoverError> {
        match command.query_async::<Value>(connection).await {
            Ok(_) => Ok(()),
            Err(error) if error.code().is_some() => Err(refused(member, &error)),
            Err(error) => Err(self.unknown(words(&error))),
        }
    }

    /// The error to report when the successor did not take over in time.
    async fn overdue(&self, waited: Duration) -> SwitchoverError {
        match self.role(self.from).await.as_deref() {
            Some("master") => self.not_moved(waited),
            Some(other) => self.unknown(format!("{} is now a {other}", self.from)),
            None => self.unknown(format!("{} does not say what it is", self.from)),
        }
    }

    fn not_moved(&self, waited: Duration) -> SwitchoverError {
        SwitchoverError::NotMoved { from: self.from.to_owned(), to: self.to.to_owned(), waited }
    }

    /// A member's role by its own answer. A change of role closes its clients' connections, ours among them: the next question
    /// then opens a new one.
    async fn role(&self, member: &str) -> Option<String> {
        let endpoint = self.endpoints.iter().find(|endpoint| endpoint.member == member)?;
        let mut connection = self.connections.to(endpoint).await.ok()?;
        match cmd("ROLE").query_async::<Vec<Value>>(&mut connection).await {
            Ok(reply) => redis::from_redis_value(reply.into_iter().next()?).ok(),
            Err(_) => {
                self.connections.forget(endpoint).await;
                None
            }
        }
    }

    /// The member at a host, as a server's own lists name it.
    fn member_at(&self, host: &str) -> Option<&str> {
        self.endpoints.iter().find(|endpoint| endpoint.is_at(host)).map(|endpoint| endpoint.member.as_str())
    }

    async fn leads(&self, member: &str) -> bool {
        self.role(member).await.as_deref() == Some("master")
    }

    async fn follows(&self, member: &str) -> bool {
        self.role(member).await.as_deref() == Some("slave")
    }

    fn unknown(&self, why: String) -> SwitchoverError {
        SwitchoverError::Unknown { to: self.to.to_owned(), why }
    }

    /// The successor's address and port as the primary lists them.
    fn successor_address_on_primary(&self, primary: &Answers) -> Result<(String, u16), SwitchoverError> {
        let endpoint = self.endpoints.iter().find(|endpoint| endpoint.member == self.to);
        (0..)
            .map_while(|index| primary.field(&format!("slave{index}")))
            .find_map(|line| {
                let part = |name: &str| line.split(',').find_map(|part| part.strip_prefix(name));
                let (host, port) = (part("ip=")?, part("port=")?.parse().ok()?);
                endpoint?.is_at(host).then(|| (host.to_owned(), port))
            })
            .ok_or_else(|| SwitchoverError::Refused {
                member: self.from.to_owned(),
                why: format!("{} is not among its replicas", self.to),
            })
    }
}

fn refusal(member: &str, why: String) -> SwitchoverError {
    SwitchoverError::Refused { member: member.to_owned(), why }
}

fn refused(member: &str, error: &redis::RedisError) -> SwitchoverError {
    SwitchoverError::Refused { member: member.to_owned(), why: words(error) }
}
