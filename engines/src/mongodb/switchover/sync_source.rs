//! TOUCH. Sets from which member each secondary replicates: the successor from the primary, all others from the successor.
//!
//! A secondary whose sync source stops being the primary looks for another source, and where none is ahead of it yet it sleeps
//! for 1 s before it looks again (`BackgroundSync`, `bgsync.cpp`). Majority writes wait for it meanwhile. A secondary that
//! already replicates from the successor does not have to look. An order to change the source costs the same second, so a
//! secondary gets one only if it replicates from another member, and well before clients have to wait (measured:
//! docs/decisions/0010-mongodb-switchover.md).

use std::time::{Duration, Instant};

use futures::future::{join_all, try_join_all};
use mongodb::bson::doc;
use tokio::time::sleep;

use super::{MAX_LAG, SwitchoverContext, refused};
use crate::mongodb::Answers;
use crate::{Prepared, SwitchoverError};

/// How often a member is asked for its sync source.
const POLL: Duration = Duration::from_millis(50);

/// For how long a member must have had its new source: longer than the second it sleeps when it changes its source.
const SETTLED: Duration = Duration::from_millis(1_500);

/// After this long the order is repeated. A member does not take a source that is not ahead of it; while the member then sleeps
/// for a second, the source gets ahead.
const ASK_AGAIN: Duration = Duration::from_millis(300);

/// A member that has not changed its source by then will not: the switchover then takes clients a second longer, and loses no
/// write.
const GIVEN_UP: Duration = Duration::from_secs(15);

/// The note in the oplog that explains the entry to its reader.
const NOTE: &str = "kubectl stateful: so that a secondary has something to read";

/// Sets all sync sources for a switchover, and returns the other secondaries.
pub(super) async fn arrange(context: &SwitchoverContext<'_>) -> Result<Vec<String>, SwitchoverError> {
    let (primary, successor) = futures::try_join!(context.host(context.from), context.host(context.to))?;
    change_source(context, context.to, &primary).await?;
    let others = secondaries(context, |_| true).await;
    change_sources(context, &others, &successor).await?;
    Ok(others)
}

/// Lets the secondaries that replicate from a member about to be restarted replicate from the primary instead.
pub(super) async fn move_readers_away(
    context: &SwitchoverContext<'_>,
    member: &str,
) -> Result<Prepared, SwitchoverError> {
    // No secondary replicates from a member that the set does not list.
    let (Ok(primary), Ok(source)) = (context.host(context.from).await, context.host(member).await) else {
        return Ok(Prepared::Ready);
    };
    let readers = secondaries(context, |current| current == source).await;
    if readers.is_empty() {
        return Ok(Prepared::Ready);
    }
    let names = readers.join(", ");
    if !change_sources(context, &readers, &primary).await? {
        return Err(refused(
            member,
            format!("{names} went on replicating from it for {GIVEN_UP:?}, although ordered to change the source"),
        ));
    }
    Ok(Prepared::LookAgain(format!("{names} replicated from it, and now from the primary")))
}

/// The other secondaries whose sync source is `wanted`.
async fn secondaries(context: &SwitchoverContext<'_>, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let asked = join_all(context.others().map(|endpoint| async {
        let status = context.status(&endpoint.member).await.ok()?;
        (status.follows() && wanted(sync_source(&status))).then(|| endpoint.member.clone())
    }));
    asked.await.into_iter().flatten().collect()
}

/// The member that a secondary replicates from, by the name the set gives it; empty while it looks for a source.
fn sync_source(status: &Answers) -> &str {
    status.status.get_str("syncSourceHost").unwrap_or_default()
}

/// Changes the sync source of all these members at the same time. Returns whether all have changed it.
async fn change_sources(
    context: &SwitchoverContext<'_>,
    members: &[String],
    source: &str,
) -> Result<bool, SwitchoverError> {
    let changed = try_join_all(members.iter().map(|member| change_source(context, member, source))).await?;
    Ok(changed.into_iter().all(|changed| changed))
}

/// Changes a member's sync source, and waits until it has replicated from it for a while. Returns whether it does.
async fn change_source(context: &SwitchoverContext<'_>, member: &str, source: &str) -> Result<bool, SwitchoverError> {
    let started = Instant::now();
    let (mut asked_at, mut since): (Option<Instant>, Option<Instant>) = (None, None);
    while started.elapsed() < GIVEN_UP {
        let (leader, own) = futures::try_join!(context.status(context.from), context.status(member))?;
        let there = sync_source(&own) == source;
        let close = leader.applied().zip(own.applied()).is_some_and(|(leader, own)| leader - own <= MAX_LAG);
        since = (there && close).then(|| since.unwrap_or_else(Instant::now));
        if since.is_some_and(|since| since.elapsed() >= SETTLED) {
            return Ok(true);
        }
        let tell = asked_at.is_none_or(|asked_at| asked_at.elapsed() >= ASK_AGAIN);
        if !there && tell {
            asked_at = Some(Instant::now());
            // Refused where the member may not replicate from that source; then its own choice stands.
            let _ = context.ask(member, doc! { "replSetSyncFrom": source }).await;
            // Where no client writes the source never gets ahead: this entry, which changes nothing, puts it ahead.
            let _ = context.ask(context.from, doc! { "appendOplogNote": 1, "data": { "msg": NOTE } }).await;
        }
        sleep(POLL).await;
    }
    Ok(false)
}
