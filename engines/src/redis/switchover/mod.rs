//! TOUCH. Moves the primary role without losing a write. Only the files of this folder change a Redis database.
//!
//! There are three procedures: for Redis Cluster, for Sentinel, and for plain replication. Each makes writes wait, waits until
//! the successor has every byte, and only then makes it the primary. `FORCE` and `TAKEOVER` skip exactly that, so they are not
//! in this code.

mod cluster;
mod replication;
mod sentinel;

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Value, cmd};

use super::Answers;
use super::connections::{Connections, words};
use crate::{CompletedSwitchover, Endpoint, ServerError, SwitchoverError};

/// How often a server is asked for its role. A switchover takes 20 to 300 ms; asking costs nothing.
const POLL: Duration = Duration::from_millis(20);

pub(super) async fn switch_over(
    connections: &Connections,
    endpoints: &[Endpoint],
    watchers: &[Endpoint],
    from: &str,
    to: &str,
) -> Result<CompletedSwitchover, SwitchoverError> {
    let context = SwitchoverContext { connections, endpoints, from, to };
    let info = context.info(&mut context.connection(to).await?, to).await?;
    if info.is_cluster() {
        cluster::switch_over(&context).await
    } else if watchers.is_empty() {
        replication::switch_over(&context).await
    } else {
        sentinel::switch_over(&context, watchers).await
    }
}

/// Records the present role of a member in its configuration file, if it has one: the process that switched over may have died
/// before it did so. In a Redis Cluster the nodes' own file records the role. A member that is down cannot record it any more.
pub(super) async fn record_role(
    connections: &Connections,
    endpoints: &[Endpoint],
    member: &str,
) -> Result<(), SwitchoverError> {
    let context = SwitchoverContext { connections, endpoints, from: member, to: member };
    let Ok(mut connection) = context.connection(member).await else {
        return Ok(());
    };
    let info = context.info(&mut connection, member).await?;
    let has_file = info.field("config_file").is_some_and(|file| !file.is_empty());
    if info.is_cluster() || !has_file {
        return Ok(());
    }
    context.order(&mut connection, member, cmd("CONFIG").arg("REWRITE")).await
}

/// A switchover in progress: its two members, and the connections to all.
struct SwitchoverContext<'a> {
    connections: &'a Connections,
    endpoints: &'a [Endpoint],
    from: &'a str,
    to: &'a str,
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
            Some("master") => SwitchoverError::NotMoved { from: self.from.to_owned(), to: self.to.to_owned(), waited },
            Some(other) => self.unknown(format!("{} is now a {other}", self.from)),
            None => self.unknown(format!("{} does not say what it is", self.from)),
        }
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

fn refused(member: &str, error: &redis::RedisError) -> SwitchoverError {
    SwitchoverError::Refused { member: member.to_owned(), why: words(error) }
}
