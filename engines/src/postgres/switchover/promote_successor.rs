//! TOUCH. Promotes the successor and makes the other standbys follow it; if it cannot be promoted, the old primary becomes the
//! primary again.

use std::time::Instant;

use super::SwitchoverContext;
use super::follow::{Follower, follow};
use super::promote::{NotPromoted, promote};
use super::return_to_primary::return_to_primary;
use crate::postgres::lsn::Lsn;
use crate::{CompletedSwitchover, SwitchoverError};

/// Promotes the successor, and makes the others follow it. `started` is when the old primary was fenced, `last` the end of its log
/// where the WAL receiver received it. If the successor cannot be promoted, the old primary becomes the primary again.
pub(super) async fn promote_successor(
    context: &SwitchoverContext<'_>,
    followers: &[Follower],
    started: Instant,
    last: Option<Lsn>,
) -> Result<CompletedSwitchover, SwitchoverError> {
    context.clients.confirm_lock().await?; // before anything is led to it
    // All at the same time: where commits wait for standbys, writes are acknowledged only once those follow the new primary.
    // Clients are redirected only now; earlier, all of them would keep retrying on a server that is busy with its promotion.
    let promoted = async { promote(context, context.to).await.map(|()| started.elapsed()) };
    let (promoted, (), ()) = futures::join!(promoted, follow(context, followers), context.clients.redirect());
    let took = match promoted {
        Ok(took) => took,
        Err(NotPromoted::WentDown) => return Err(return_to_primary(context, followers, last).await),
        Err(NotPromoted::Unknown(error)) => return Err(error),
    };
    // A standby that tried to connect during the promotion waits before it retries; this wakes it.
    follow(context, followers).await;
    Ok(CompletedSwitchover { took })
}
