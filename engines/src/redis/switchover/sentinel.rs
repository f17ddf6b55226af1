//! Under Sentinels: they have to do the failover, or they would revert it; but `SENTINEL FAILOVER` by itself loses what the
//! replica has not received yet (redis #6062, #13118). So writes are paused first, the replica is proven to have every
//! byte, and only then the Sentinels are asked to fail over.
//!
//! Order: one Sentinel is given a short failover timeout and the successor the best priority → `CLIENT PAUSE … WRITE` → offsets
//! equal → `SENTINEL FAILOVER` → the successor is the primary → the old primary follows it → only then the pause ends. If it
//! ended any earlier, the old primary would carry out the paused writes and no replica would receive them.
//!
//! Before the request the old primary is fenced ([`write_fence`]): when the pause ends, or this process dies, it refuses the writes
//! that waited. So it acknowledges none that the successor lacks, however long the Sentinels take to make it a replica.

mod agreement;
mod coordinator;
#[cfg(test)]
mod explored;
pub(super) mod leftovers;
mod named_by_all;
mod settings;
pub(super) mod write_fence;

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::cmd;
use tokio::time::sleep;

use super::follow::{Primary, lead_others};
use super::{POLL, SwitchoverContext, refusal};
use crate::redis::Answers;
use crate::{CompletedSwitchover, Endpoint, SwitchoverError};
use coordinator::Coordinator;
use named_by_all::is_primary_by_all;
use write_fence::WriteFence;

/// How long the old primary pauses writes, in milliseconds, unless it is told to resume them. A failover takes one to two seconds;
/// a longer one finds the fence.
const PAUSE_TIMEOUT: u64 = 5_000;

/// The fence is up this long after the pause began at most, or the pause may have ended before.
const FENCED_BEFORE: Duration = Duration::from_secs(4);

/// The replica has this long to receive what is left once writes are paused: it was in sync a moment ago.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(2);

/// The Sentinel gives up after [`settings::FAILOVER_TIMEOUT`], counted anew for each part of the failover.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(15);

/// Past this it is not known what became of the failover.
const SETTLED_AFTER: Duration = Duration::from_secs(35);

/// By then the old primary follows the successor, by our order or by the Sentinels'.
const FOLLOWS_WITHIN: Duration = Duration::from_mins(1);

pub(super) async fn switch_over(
    context: &SwitchoverContext<'_>,
    sentinels: &[Endpoint],
) -> Result<CompletedSwitchover, SwitchoverError> {
    let mut coordinator = Coordinator::find(context, sentinels).await?;
    let prepared = coordinator.prepare(context).await;
    let switched = match prepared {
        Ok(()) => switch_over_paused(context, sentinels, &mut coordinator).await,
        Err(error) => Err(error),
    };
    if let Err(lost @ SwitchoverError::LockNotConfirmed(_)) = switched {
        return Err(lost);
    }
    // However else it ended, the priority and the failover timeout are set back to the user's own values.
    let restored = coordinator.restore(context, sentinels).await;
    let switched = switched?;
    restored?;
    Ok(switched)
}

/// The part during which writes are paused: pause them, wait for the replicas, fence the old primary, ask for the failover, wait for
/// it, make the old primary follow, take the fence off and resume writes.
async fn switch_over_paused(
    context: &SwitchoverContext<'_>,
    sentinels: &[Endpoint],
    coordinator: &mut Coordinator,
) -> Result<CompletedSwitchover, SwitchoverError> {
    let fence = WriteFence::prepare(context).await?;
    let mut primary = context.connection(context.from).await?;
    let paused = async {
        fence.stop_pings(context).await?;
        // Taken before the order is sent: the server's own clock starts no earlier.
        let started = Instant::now();
        context.order(&mut primary, context.from, &pause_writes()).await.map(|()| started)
    };
    let started = match paused.await {
        Ok(started) => started,
        Err(error) => {
            take_writes_again(context, &fence).await?; // the answer may have been lost, and not the order
            return Err(error);
        }
    };
    let fenced = async {
        all_caught_up(context, &mut primary, &coordinator.rivals).await?;
        fence.raise(context).await.map_err(|error| refusal(context.from, error.to_string()))?;
        // Writes that were let through since then may not be on the replicas.
        if started.elapsed() < FENCED_BEFORE { Ok(()) } else { Err(context.not_moved(started.elapsed())) }
    };
    let begun = match fenced.await {
        Ok(()) => coordinator.fail_over(context).await,
        Err(error) => Err(error),
    };
    match begun {
        Ok(()) | Err(SwitchoverError::Unknown { .. }) => {} // it may have begun: the fence stays until that is known
        Err(error @ SwitchoverError::LockNotConfirmed(_)) => return Err(error),
        Err(error) => {
            take_writes_again(context, &fence).await?; // nothing has begun: writes go on where they were
            return Err(error);
        }
    }
    while started.elapsed() < SETTLED_AFTER {
        if context.leads(context.to).await {
            return demote(context, &fence, started).await;
        }
        // Another replica may have been chosen: the old primary takes writes again only where all say that it is the primary.
        if started.elapsed() > GIVEN_UP_AFTER && is_primary_by_all(context, sentinels, context.from).await {
            take_writes_again(context, &fence).await?;
            return Err(context.not_moved(started.elapsed()));
        }
        sleep(POLL).await;
    }
    Err(context.unknown(format!("{} refuses writes until the Sentinels agree on a primary", context.from)))
}

/// The successor is the primary. The old primary is made to follow it, as the Sentinels are about to do as well, while its writers
/// are still paused. After that it answers them READONLY, and they look for the new primary.
async fn demote(
    context: &SwitchoverContext<'_>,
    fence: &WriteFence,
    started: Instant,
) -> Result<CompletedSwitchover, SwitchoverError> {
    let (host, port) = address(context).await.map_err(|error| context.unknown(error.to_string()))?;
    let follow = cmd("REPLICAOF").arg(&host).arg(port).take();
    while started.elapsed() < FOLLOWS_WITHIN {
        if context.follows(context.from).await {
            let took = started.elapsed();
            // A replica refuses writes by itself. A fence that stays on it is taken off before it is restarted or leads again.
            take_writes_again(context, fence).await.map_err(|error| context.unknown(error.to_string()))?;
            // Sentinels were seen to leave a replica whose pod had just come back with the old primary for the whole of their
            // failover timeout (three minutes). By the address that they use: another name they would set right again.
            lead_others(context, &Primary { host, port, name: None }).await;
            return Ok(CompletedSwitchover { took });
        }
        // If it cannot be reached from here, the Sentinels make it follow.
        if let Ok(mut old) = context.connection(context.from).await {
            drop(context.order(&mut old, context.from, &follow).await);
        }
        sleep(POLL).await;
    }
    Err(context.unknown(format!("{} leads, but {} does not follow it", context.to, context.from)))
}

/// The address under which the successor announces itself to others.
async fn address(context: &SwitchoverContext<'_>) -> Result<(String, u16), SwitchoverError> {
    let mut old = context.connection(context.from).await?;
    let known = context.info(&mut old, context.from).await?;
    if let Ok(known) = context.successor_address_on_primary(&known) {
        return Ok(known);
    }
    // It has stopped being a replica and has left the old primary's list; its pod's address is used instead.
    let endpoint = context.endpoints.iter().find(|endpoint| endpoint.member == context.to);
    let host = endpoint
        .and_then(|endpoint| endpoint.address.clone())
        .ok_or_else(|| context.unknown("it has no address".to_owned()))?;
    let mut successor = context.connection(context.to).await?;
    let port =
        context.info(&mut successor, context.to).await?.number("tcp_port").and_then(|port| u16::try_from(port).ok());
    Ok((host, port.unwrap_or(6_379)))
}

/// Waits until the successor has every byte, and so has each other replica that the Sentinels might choose in its place.
async fn all_caught_up(
    context: &SwitchoverContext<'_>,
    primary: &mut MultiplexedConnection,
    rivals: &[String],
) -> Result<(), SwitchoverError> {
    let started = Instant::now();
    while started.elapsed() < CATCH_UP_WITHIN {
        // The replicas are asked second, so they have received at least what the primary had sent when it was asked.
        let told = context.info(primary, context.from).await?;
        if has_received(context, context.to, &told).await? {
            let mut behind = false;
            for rival in rivals {
                behind |= match context.member_at(rival) {
                    Some(member) => !has_received(context, member, &told).await?,
                    None => !is_acknowledged(&told, rival), // a replica of another workload: as the primary knows it
                };
            }
            if !behind {
                return Ok(());
            }
        }
        sleep(POLL).await;
    }
    Err(context.not_moved(CATCH_UP_WITHIN))
}

async fn has_received(
    context: &SwitchoverContext<'_>,
    member: &str,
    primary: &Answers,
) -> Result<bool, SwitchoverError> {
    let sent = primary.number("master_repl_offset");
    let received = context.info(&mut context.connection(member).await?, member).await?.number("slave_repl_offset");
    Ok(sent.is_some() && received >= sent)
}

/// Whether the replica at that address has told the primary that it has everything; it does once a second.
fn is_acknowledged(primary: &Answers, address: &str) -> bool {
    let part = |line: &str, name: &str| line.split(',').find_map(|part| part.strip_prefix(name)).map(str::to_owned);
    let sent = primary.number("master_repl_offset");
    (0..)
        .map_while(|index| primary.field(&format!("slave{index}")))
        .find(|line| part(line, "ip=").as_deref() == Some(address))
        .and_then(|line| part(line, "offset=")?.parse::<u64>().ok())
        .is_some_and(|offset| sent.is_some_and(|sent| offset >= sent))
}

async fn take_writes_again(context: &SwitchoverContext<'_>, fence: &WriteFence) -> Result<(), SwitchoverError> {
    fence.lower(context).await?;
    resume_writes(context).await
}

async fn resume_writes(context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
    context.order(&mut context.connection(context.from).await?, context.from, cmd("CLIENT").arg("UNPAUSE")).await
}

fn pause_writes() -> redis::Cmd {
    cmd("CLIENT").arg("PAUSE").arg(PAUSE_TIMEOUT).arg("WRITE").take()
}
