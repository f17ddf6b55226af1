//! Under Sentinels: they must do the failover, or they would undo it; but `SENTINEL FAILOVER` by itself loses what the
//! replica has not received yet (redis #6062, #13118). So writes are held first, the replica is proven to have every
//! byte, and only then the Sentinels are asked.
//!
//! Order: the successor gets the best priority, and the Sentinels are seen to know it (they ask every ten seconds) →
//! `CLIENT PAUSE … WRITE` → offsets equal → `SENTINEL FAILOVER` → it leads → the old primary's clients are sent away →
//! priorities as they were. Should this process die while writes are held, they go on by themselves within [`HOLD`].

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::cmd;
use tokio::time::sleep;

use super::{Hands, POLL, leads, refused};
use crate::redis::links::words;
use crate::{Door, HandOverError, HandedOver};

/// How long one hold lasts if nobody renews it, in milliseconds: a bound on the harm of dying in the middle.
const HOLD: u64 = 5_000;

/// The hold is renewed this often while the Sentinels work.
const RENEW_EVERY: Duration = Duration::from_millis(1_500);

/// The replica has this long to receive what is left once writes are held: it was in sync a moment ago.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(2);

/// Sentinels ask each server about itself every ten seconds (`SENTINEL_INFO_PERIOD`): by then they know a new priority.
const KNOWN_WITHIN: Duration = Duration::from_secs(15);

/// A failover by Sentinels takes one to two seconds. One that has not happened by then is called off by nobody, so the
/// hold ends only when it is certain which of the two leads.
const SETTLED_AFTER: Duration = Duration::from_secs(30);

pub(super) async fn hand_over(hands: &Hands<'_>, sentinels: &[Door]) -> Result<HandedOver, HandOverError> {
    let mut primary = hands.link(hands.from).await?;
    let mut successor = hands.link(hands.to).await?;
    let (mut sentinel, name) = watching(hands, sentinels).await?;
    hands.order(&mut sentinel, "the Sentinels", cmd("SENTINEL").arg("CKQUORUM").arg(&name)).await?;
    let before = priority(&mut successor, hands.to).await?;
    hands.order(&mut successor, hands.to, &set_priority(1)).await?;
    let handed = favoured(hands, &mut sentinel, &name, &mut primary, &mut successor).await;
    // Whatever happened, the priority is the user's own again.
    let restored = hands.order(&mut successor, hands.to, &set_priority(before)).await;
    let handed = handed?;
    restored?;
    Ok(handed)
}

/// Once the Sentinels know whom to choose: hold, prove, ask, watch.
async fn favoured(
    hands: &Hands<'_>,
    sentinel: &mut MultiplexedConnection,
    name: &str,
    primary: &mut MultiplexedConnection,
    successor: &mut MultiplexedConnection,
) -> Result<HandedOver, HandOverError> {
    known(hands, sentinel, name).await?;
    let started = Instant::now();
    hands.order(primary, hands.from, &hold()).await?;
    let asked = match caught_up(hands, primary, successor).await {
        Ok(()) => hands.order(sentinel, "the Sentinels", cmd("SENTINEL").arg("FAILOVER").arg(name)).await,
        Err(error) => Err(error),
    };
    if let Err(error) = asked {
        if !matches!(error, HandOverError::Unknown { .. }) {
            hands.order(primary, hands.from, cmd("CLIENT").arg("UNPAUSE")).await?; // nothing has begun: writes go on
            return Err(error);
        }
    }
    let mut held = Instant::now();
    while started.elapsed() < SETTLED_AFTER {
        if leads(successor).await {
            let took = started.elapsed();
            let _ = hands.order(primary, hands.from, cmd("CLIENT").arg("UNPAUSE")).await; // it ends by itself as well
            // Clients still there would be told READONLY for as long as they stay; away, they ask who leads.
            let kill = cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").arg("SKIPME").arg("yes").take();
            let _ = hands.order(primary, hands.from, &kill).await; // Sentinels do the same when they demote it
            return Ok(HandedOver { took });
        }
        if held.elapsed() > RENEW_EVERY {
            hands.order(primary, hands.from, &hold()).await?;
            held = Instant::now();
        }
        sleep(POLL).await;
    }
    Err(hands.overdue(SETTLED_AFTER).await)
}

/// The first Sentinel that answers, and the name under which it watches the present primary.
async fn watching(hands: &Hands<'_>, sentinels: &[Door]) -> Result<(MultiplexedConnection, String), HandOverError> {
    let address = hands.doors.iter().find(|door| door.member == hands.from).and_then(|door| door.address.as_deref());
    let mut why = "none can be reached".to_owned();
    for door in sentinels {
        let mut link = match hands.links.to(door).await {
            Ok(link) => link,
            Err(error) => {
                why = error;
                continue;
            }
        };
        match cmd("SENTINEL").arg("MASTERS").query_async::<Vec<BTreeMap<String, String>>>(&mut link).await {
            Ok(masters) => {
                let ours = masters.iter().find(|master| master.get("ip").map(String::as_str) == address);
                match ours.and_then(|master| Some((master.get("name")?, master.get("flags")?))) {
                    Some((name, flags)) if flags == "master" => return Ok((link, name.clone())),
                    Some((name, flags)) => why = format!("they say of {name}: {flags}"),
                    None => why = format!("they watch nobody at {}", address.unwrap_or("an unknown address")),
                }
            }
            Err(error) => why = words(&error),
        }
    }
    Err(HandOverError::Refused { member: "the Sentinels".to_owned(), why })
}

/// Waits until a Sentinel lists the successor with its new priority: it would choose another before.
async fn known(hands: &Hands<'_>, sentinel: &mut MultiplexedConnection, name: &str) -> Result<(), HandOverError> {
    let address = hands.doors.iter().find(|door| door.member == hands.to).and_then(|door| door.address.as_deref());
    let started = Instant::now();
    while started.elapsed() < KNOWN_WITHIN {
        let replicas: Vec<BTreeMap<String, String>> = cmd("SENTINEL")
            .arg("REPLICAS")
            .arg(name)
            .query_async(sentinel)
            .await
            .map_err(|error| refused("the Sentinels", &error))?;
        let first = replicas.iter().find(|replica| replica.get("ip").map(String::as_str) == address);
        if first.and_then(|replica| replica.get("slave-priority")).is_some_and(|priority| priority == "1") {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    let why = format!("they have not heard of {}'s priority within {KNOWN_WITHIN:?}", hands.to);
    Err(HandOverError::Refused { member: "the Sentinels".to_owned(), why })
}

async fn caught_up(
    hands: &Hands<'_>,
    primary: &mut MultiplexedConnection,
    successor: &mut MultiplexedConnection,
) -> Result<(), HandOverError> {
    let started = Instant::now();
    while started.elapsed() < CATCH_UP_WITHIN {
        // The successor is asked second: what it has then is no less than what the primary had sent before.
        let sent = hands.info(primary, hands.from).await?.number("master_repl_offset");
        let received = hands.info(successor, hands.to).await?.number("slave_repl_offset");
        if sent.is_some() && received >= sent {
            return Ok(());
        }
        sleep(POLL).await;
    }
    Err(HandOverError::NotMoved { from: hands.from.to_owned(), to: hands.to.to_owned(), waited: CATCH_UP_WITHIN })
}

async fn priority(link: &mut MultiplexedConnection, member: &str) -> Result<u64, HandOverError> {
    let config: BTreeMap<String, u64> =
        cmd("CONFIG").arg("GET").arg("replica-priority").query_async(link).await.map_err(|error| refused(member, &error))?;
    let unset = || HandOverError::Refused { member: member.to_owned(), why: "it has no replica-priority".to_owned() };
    config.into_values().next().ok_or_else(unset)
}

fn set_priority(priority: u64) -> redis::Cmd {
    cmd("CONFIG").arg("SET").arg("replica-priority").arg(priority).take()
}

fn hold() -> redis::Cmd {
    cmd("CLIENT").arg("PAUSE").arg(HOLD).arg("WRITE").take()
}
