//! TOUCH. Moves the primary role without losing a write. The only file that changes a Redis database.
//!
//! Redis Cluster: `CLUSTER FAILOVER` on the replica. It asks its master to hold writing clients, waits until it has every
//! byte the master has, and only then asks for the votes (`cluster_legacy.c`, manual failover): writes are delayed and
//! then redirected, none is lost. `FORCE` and `TAKEOVER` skip exactly that, so they are not in this code.
//!
//! Primary and replicas: `FAILOVER TO … TIMEOUT`, which does the same; without `TIMEOUT` writes would wait for ever.

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Value, cmd};
use tokio::time::sleep;

use super::Answers;
use super::links::{Links, words};
use crate::{Door, HandOverError, HandedOver};

/// A manual failover of a Redis Cluster gives up after 5 s and lets writes go on (`CLUSTER_MF_TIMEOUT`); servers before
/// 6.2.8 hold them up to 10 s (redis #10985). After that it has either happened or will not.
const SETTLED_AFTER: Duration = Duration::from_secs(10);

/// How long `FAILOVER` may hold writes before the server itself calls it off, in milliseconds.
const FAILOVER_TIMEOUT: u64 = 5_000;

/// How often the successor is asked for its role. A handover takes 100 to 300 ms; asking costs nothing.
const POLL: Duration = Duration::from_millis(20);

pub(super) async fn hand_over(
    links: &Links,
    doors: &[Door],
    from: &str,
    to: &str,
) -> Result<HandedOver, HandOverError> {
    let mut successor = link(links, doors, to).await?;
    let info: String = cmd("INFO").query_async(&mut successor).await.map_err(|error| refused(to, &error))?;
    let answers = Answers { info, ..Answers::default() };
    let started = Instant::now();
    if answers.is_cluster() {
        order(&mut successor, to, to, cmd("CLUSTER").arg("FAILOVER")).await?;
    } else {
        let mut primary = link(links, doors, from).await?;
        let (host, port) = as_primary_knows(&mut primary, doors, from, to).await?;
        let command = cmd("FAILOVER").arg("TO").arg(host).arg(port).arg("TIMEOUT").arg(FAILOVER_TIMEOUT).take();
        order(&mut primary, from, to, &command).await?;
    }
    while started.elapsed() < SETTLED_AFTER {
        if role(&mut successor).await.as_deref() == Some("master") {
            return Ok(HandedOver { took: started.elapsed() });
        }
        sleep(POLL).await;
    }
    let mut primary = link(links, doors, from).await?;
    match role(&mut primary).await.as_deref() {
        Some("master") => {
            Err(HandOverError::NotMoved { from: from.to_owned(), to: to.to_owned(), waited: SETTLED_AFTER })
        }
        Some(other) => Err(HandOverError::Unknown { to: to.to_owned(), why: format!("{from} is now a {other}") }),
        None => Err(HandOverError::Unknown { to: to.to_owned(), why: format!("{from} does not say what it is") }),
    }
}

/// Sends the order. A server's own "no" means nothing happened; a broken connection means nobody knows.
async fn order(
    link: &mut MultiplexedConnection,
    member: &str,
    to: &str,
    command: &Cmd,
) -> Result<(), HandOverError> {
    match command.query_async::<Value>(link).await {
        Ok(_) => Ok(()),
        Err(error) if error.code().is_some() => Err(refused(member, &error)),
        Err(error) => Err(HandOverError::Unknown { to: to.to_owned(), why: words(&error) }),
    }
}

/// The replica's address and port in its primary's own list: `FAILOVER TO` takes no other.
async fn as_primary_knows(
    primary: &mut MultiplexedConnection,
    doors: &[Door],
    from: &str,
    to: &str,
) -> Result<(String, u16), HandOverError> {
    let info: String = cmd("INFO").arg("replication").query_async(primary).await.map_err(|error| refused(from, &error))?;
    let answers = Answers { info, ..Answers::default() };
    let address = doors.iter().find(|door| door.member == to).and_then(|door| door.address.as_deref());
    (0..)
        .map_while(|index| answers.field(&format!("slave{index}")))
        .find_map(|line| {
            let part = |name: &str| line.split(',').find_map(|part| part.strip_prefix(name));
            let (host, port) = (part("ip=")?, part("port=")?.parse().ok()?);
            (Some(host) == address).then(|| (host.to_owned(), port))
        })
        .ok_or_else(|| HandOverError::Refused {
            member: from.to_owned(),
            why: format!("{to} is not among its replicas"),
        })
}

async fn role(link: &mut MultiplexedConnection) -> Option<String> {
    let reply: Vec<Value> = cmd("ROLE").query_async(link).await.ok()?;
    redis::from_redis_value(reply.into_iter().next()?).ok()
}

async fn link(links: &Links, doors: &[Door], member: &str) -> Result<MultiplexedConnection, HandOverError> {
    let no_way = |why: String| HandOverError::NoWay { member: member.to_owned(), why };
    let door = doors.iter().find(|door| door.member == member).ok_or_else(|| no_way("it has no pod".to_owned()))?;
    links.to(door).await.map_err(no_way)
}

fn refused(member: &str, error: &redis::RedisError) -> HandOverError {
    HandOverError::Refused { member: member.to_owned(), why: words(error) }
}
