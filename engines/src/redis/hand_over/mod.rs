//! TOUCH. Moves the primary role without losing a write. Only the files of this folder change a Redis database.
//!
//! Three ways, by how the members hang together; each makes writes wait, waits until the successor has every byte, and
//! only then lets it lead. `FORCE` and `TAKEOVER` skip exactly that, so they are not in this code.

mod cluster;
mod replication;
mod sentinel;

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Value, cmd};

use super::Answers;
use super::links::{Links, words};
use crate::{Door, HandOverError, HandedOver};

/// How often a server is asked for its role. A handover takes 20 to 300 ms; asking costs nothing.
const POLL: Duration = Duration::from_millis(20);

pub(super) async fn hand_over(
    links: &Links,
    doors: &[Door],
    watchers: &[Door],
    from: &str,
    to: &str,
) -> Result<HandedOver, HandOverError> {
    let hands = Hands { links, doors, from, to };
    let info = hands.info(&mut hands.link(to).await?, to).await?;
    if info.is_cluster() {
        cluster::hand_over(&hands).await
    } else if watchers.is_empty() {
        replication::hand_over(&hands).await
    } else {
        sentinel::hand_over(&hands, watchers).await
    }
}

/// Records the present role of a member in its configuration file, if it has one: whoever handed over may have died
/// before doing so. In a Redis Cluster the nodes' own file does that. A member that is down has said what it had to say.
pub(super) async fn keep_role(links: &Links, doors: &[Door], member: &str) -> Result<(), HandOverError> {
    let hands = Hands { links, doors, from: member, to: member };
    let Ok(mut link) = hands.link(member).await else {
        return Ok(());
    };
    let info = hands.info(&mut link, member).await?;
    let has_file = info.field("config_file").is_some_and(|file| !file.is_empty());
    if info.is_cluster() || !has_file {
        return Ok(());
    }
    hands.order(&mut link, member, cmd("CONFIG").arg("REWRITE")).await
}

/// A handover in progress: between whom, and the way to them.
struct Hands<'a> {
    links: &'a Links,
    doors: &'a [Door],
    from: &'a str,
    to: &'a str,
}

impl Hands<'_> {
    async fn link(&self, member: &str) -> Result<MultiplexedConnection, HandOverError> {
        let no_way = |why: String| HandOverError::NoWay { member: member.to_owned(), why };
        let door = self.doors.iter().find(|door| door.member == member);
        self.links.to(door.ok_or_else(|| no_way("it has no pod".to_owned()))?).await.map_err(no_way)
    }

    async fn info(&self, link: &mut MultiplexedConnection, member: &str) -> Result<Answers, HandOverError> {
        let info: String = cmd("INFO").query_async(link).await.map_err(|error| refused(member, &error))?;
        Ok(Answers { info, ..Answers::default() })
    }

    /// Sends an order. A server's own "no" means nothing happened; a broken connection means nobody knows.
    async fn order(&self, link: &mut MultiplexedConnection, member: &str, command: &Cmd) -> Result<(), HandOverError> {
        match command.query_async::<Value>(link).await {
            Ok(_) => Ok(()),
            Err(error) if error.code().is_some() => Err(refused(member, &error)),
            Err(error) => Err(self.unknown(words(&error))),
        }
    }

    /// How it stands when the successor did not take over in time.
    async fn overdue(&self, waited: Duration) -> HandOverError {
        match self.role(self.from).await.as_deref() {
            Some("master") => HandOverError::NotMoved { from: self.from.to_owned(), to: self.to.to_owned(), waited },
            Some(other) => self.unknown(format!("{} is now a {other}", self.from)),
            None => self.unknown(format!("{} does not say what it is", self.from)),
        }
    }

    /// What a member says it is. A change of role closes its clients' connections, ours among them: the next question
    /// then goes over a new one.
    async fn role(&self, member: &str) -> Option<String> {
        let door = self.doors.iter().find(|door| door.member == member)?;
        let mut link = self.links.to(door).await.ok()?;
        match cmd("ROLE").query_async::<Vec<Value>>(&mut link).await {
            Ok(reply) => redis::from_redis_value(reply.into_iter().next()?).ok(),
            Err(_) => {
                self.links.forget(door).await;
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

    fn unknown(&self, why: String) -> HandOverError {
        HandOverError::Unknown { to: self.to.to_owned(), why }
    }

    /// The successor's address and port in its primary's own list.
    fn as_primary_knows(&self, primary: &Answers) -> Result<(String, u16), HandOverError> {
        let door = self.doors.iter().find(|door| door.member == self.to);
        (0..)
            .map_while(|index| primary.field(&format!("slave{index}")))
            .find_map(|line| {
                let part = |name: &str| line.split(',').find_map(|part| part.strip_prefix(name));
                let (host, port) = (part("ip=")?, part("port=")?.parse().ok()?);
                door?.is_at(host).then(|| (host.to_owned(), port))
            })
            .ok_or_else(|| HandOverError::Refused {
                member: self.from.to_owned(),
                why: format!("{} is not among its replicas", self.to),
            })
    }
}

fn refused(member: &str, error: &redis::RedisError) -> HandOverError {
    HandOverError::Refused { member: member.to_owned(), why: words(error) }
}
