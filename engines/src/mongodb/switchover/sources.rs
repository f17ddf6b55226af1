//! TOUCH. Who reads from whom: the successor from the primary, all others from the successor.
//!
//! A secondary whose source stops leading looks for another one, and where none is ahead of it yet it sleeps for 1 s before
//! it looks again (`BackgroundSync`, `bgsync.cpp`). Majority writes wait for it meanwhile. One that reads from the
//! successor already has nothing to look for. Being told to change costs the same second, so it is told only where it reads
//! from somebody else, and well before anybody waits (measured: docs/decisions/0010-mongodb-switchover.md).

use std::time::{Duration, Instant};

use futures::future::{join_all, try_join_all};
use mongodb::bson::doc;
use tokio::time::sleep;

use super::{CLOSE, SwitchoverContext, refused};
use crate::mongodb::Answers;
use crate::{Prepared, SwitchoverError};

/// How often a member is asked whom it reads from.
const POLL: Duration = Duration::from_millis(50);

/// For how long it must have been so: longer than the second a member sleeps when it changes its source.
const SETTLED: Duration = Duration::from_millis(1_500);

/// After this long it is told once more. A source that is not ahead at that moment is not taken, and the second the member
/// then sleeps is when the other gets ahead.
const TOLD_AGAIN: Duration = Duration::from_millis(300);

/// A member that has not changed by then will not: the switchover costs its clients a second more, and no write.
const GIVEN_UP: Duration = Duration::from_secs(15);

/// In the oplog, for whoever reads it.
const NOTE: &str = "kubectl stateful: so that a secondary has something to read";

/// Arranges it, and returns the other secondaries.
pub(super) async fn arrange(context: &SwitchoverContext<'_>) -> Result<Vec<String>, SwitchoverError> {
    let (primary, successor) = futures::try_join!(context.host(context.from), context.host(context.to))?;
    read_from(context, context.to, &primary).await?;
    let others = secondaries(context, |_| true).await;
    all_read_from(context, &others, &successor).await?;
    Ok(others)
}

/// Leads those that read from a member that will go to the primary.
pub(super) async fn nobody_reads_from(
    context: &SwitchoverContext<'_>,
    member: &str,
) -> Result<Prepared, SwitchoverError> {
    // One that the set does not list is read from by nobody.
    let (Ok(primary), Ok(source)) = (context.host(context.from).await, context.host(member).await) else {
        return Ok(Prepared::Ready);
    };
    let readers = secondaries(context, |reads_from| reads_from == source).await;
    if readers.is_empty() {
        return Ok(Prepared::Ready);
    }
    let names = readers.join(", ");
    if !all_read_from(context, &readers, &primary).await? {
        return Err(refused(member, format!("{names} went on reading from it for {GIVEN_UP:?}, told to leave it")));
    }
    Ok(Prepared::LookAgain(format!("{names} read from it and is led to its primary first")))
}

/// The other secondaries that read from whom it is asked about.
async fn secondaries(context: &SwitchoverContext<'_>, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let asked = join_all(context.others().map(|endpoint| async {
        let status = context.status(&endpoint.member).await.ok()?;
        (status.follows() && wanted(reads_from(&status))).then(|| endpoint.member.clone())
    }));
    asked.await.into_iter().flatten().collect()
}

/// Whom a member reads from, as the set calls it; nobody while it looks for somebody.
fn reads_from(status: &Answers) -> &str {
    status.status.get_str("syncSourceHost").unwrap_or_default()
}

/// Leads members to read from another, all at the same time. Whether all do.
async fn all_read_from(
    context: &SwitchoverContext<'_>,
    members: &[String],
    source: &str,
) -> Result<bool, SwitchoverError> {
    let led = try_join_all(members.iter().map(|member| read_from(context, member, source))).await?;
    Ok(led.into_iter().all(|does| does))
}

/// Leads a member to read from another, and waits until it has done so for a while. Whether it does.
async fn read_from(context: &SwitchoverContext<'_>, member: &str, source: &str) -> Result<bool, SwitchoverError> {
    let started = Instant::now();
    let (mut told, mut since): (Option<Instant>, Option<Instant>) = (None, None);
    while started.elapsed() < GIVEN_UP {
        let (leader, own) = futures::try_join!(context.status(context.from), context.status(member))?;
        let there = reads_from(&own) == source;
        let close = leader.applied().zip(own.applied()).is_some_and(|(leader, own)| leader - own <= CLOSE);
        since = (there && close).then(|| since.unwrap_or_else(Instant::now));
        if since.is_some_and(|since| since.elapsed() >= SETTLED) {
            return Ok(true);
        }
        let tell = told.is_none_or(|told| told.elapsed() >= TOLD_AGAIN);
        if !there && tell {
            told = Some(Instant::now());
            // Refused where it may not read from that one; then its own choice stands.
            let _ = context.asked(member, doc! { "replSetSyncFrom": source }).await;
            // Where nobody writes, nobody is ever ahead: an entry that changes nothing.
            let _ = context.asked(context.from, doc! { "appendOplogNote": 1, "data": { "msg": NOTE } }).await;
        }
        sleep(POLL).await;
    }
    Ok(false)
}
