//! TOUCH. Who reads from whom: the successor from the primary, all others from the successor.
//!
//! A secondary whose source stops leading looks for another one, and where none is ahead of it yet it sleeps for 1 s before
//! it looks again (`BackgroundSync`, `bgsync.cpp`). Majority writes wait for it meanwhile. One that reads from the
//! successor already has nothing to look for. Being told to change costs the same second, so it is told only where it reads
//! from somebody else, and well before anybody waits (measured: docs/decisions/0010-mongodb-handover.md).

use std::time::{Duration, Instant};

use futures::future::join_all;
use mongodb::bson::doc;
use tokio::time::sleep;

use super::{CLOSE, Hands, applied, follows};
use crate::{HandOverError, Prepared};

/// How often a member is asked whom it reads from.
const POLL: Duration = Duration::from_millis(50);

/// For how long it must have been so: longer than the second a member sleeps when it changes its source.
const SETTLED: Duration = Duration::from_millis(1_500);

/// After this long it is told once more. A source that is not ahead at that moment is not taken, and the second the member
/// then sleeps is when the other gets ahead.
const TOLD_AGAIN: Duration = Duration::from_millis(300);

/// A member that has not changed by then will not: the handover costs its clients a second more, and no write.
const GIVEN_UP: Duration = Duration::from_secs(15);

/// In the oplog, for whoever reads it.
const NOTE: &str = "kubectl stateful: so that a secondary has something to read";

/// Arranges it, and returns the other secondaries.
pub(super) async fn arrange(hands: &Hands<'_>) -> Result<Vec<String>, HandOverError> {
    let (primary, successor) = futures::try_join!(hands.host(hands.from), hands.host(hands.to))?;
    read_from(hands, hands.to, &primary).await?;
    let others = join_all(hands.others().map(|door| async {
        let status = hands.status(&door.member).await.ok()?;
        follows(&status).then(|| door.member.clone())
    }));
    let others: Vec<String> = others.await.into_iter().flatten().collect();
    for arranged in join_all(others.iter().map(|other| read_from(hands, other, &successor))).await {
        arranged?;
    }
    Ok(others)
}

/// Leads those that read from a member that will go to the primary.
pub(super) async fn nobody_reads_from(hands: &Hands<'_>, member: &str) -> Result<Prepared, HandOverError> {
    // One that the set does not list is read from by nobody.
    let (Ok(primary), Ok(source)) = (hands.host(hands.from).await, hands.host(member).await) else {
        return Ok(Prepared::Ready);
    };
    let readers = join_all(hands.others().map(|door| async {
        let status = hands.status(&door.member).await.ok()?;
        let reads = status.status.get_str("syncSourceHost").is_ok_and(|host| host == source);
        (follows(&status) && reads).then_some(&door.member)
    }));
    let readers: Vec<&String> = readers.await.into_iter().flatten().collect();
    for led in join_all(readers.iter().map(|reader| read_from(hands, reader, &primary))).await {
        led?;
    }
    let names: Vec<&str> = readers.iter().map(|reader| reader.as_str()).collect();
    Ok(match names[..] {
        [] => Prepared::Ready,
        _ => Prepared::LookAgain(format!("{} read from it and is led to its primary first", names.join(", "))),
    })
}

/// Leads a member to read from another, and waits until it has done so for a while.
async fn read_from(hands: &Hands<'_>, member: &str, source: &str) -> Result<(), HandOverError> {
    let started = Instant::now();
    let (mut told, mut since): (Option<Instant>, Option<Instant>) = (None, None);
    while started.elapsed() < GIVEN_UP {
        let (leader, own) = futures::try_join!(hands.status(hands.from), hands.status(member))?;
        let reads_from = own.status.get_str("syncSourceHost").unwrap_or_default();
        let close = applied(&leader).zip(applied(&own)).is_some_and(|(leader, own)| leader - own <= CLOSE);
        since = (reads_from == source && close).then(|| since.unwrap_or_else(Instant::now));
        if since.is_some_and(|since| since.elapsed() >= SETTLED) {
            return Ok(());
        }
        let tell = told.is_none_or(|told| told.elapsed() >= TOLD_AGAIN);
        if reads_from != source && tell {
            told = Some(Instant::now());
            // Refused where it may not read from that one; then its own choice stands.
            let _ = hands.asked(member, doc! { "replSetSyncFrom": source }).await;
            // Where nobody writes, nobody is ever ahead: an entry that changes nothing.
            let _ = hands.asked(hands.from, doc! { "appendOplogNote": 1, "data": { "msg": NOTE } }).await;
        }
        sleep(POLL).await;
    }
    Ok(())
}
