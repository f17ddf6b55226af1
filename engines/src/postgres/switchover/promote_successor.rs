//! TOUCH. Promotes the successor and lets the other standbys follow it; if it cannot be promoted, the old primary goes on.

use std::time::Instant;

use super::SwitchoverContext;
use super::follow::{Follower, follow};
use super::promote::{NotPromoted, promote};
use super::return_to_primary::return_to_primary;
use crate::postgres::lsn::Lsn;
use crate::{CompletedSwitchover, SwitchoverError};

/// Lets the successor lead, and the others follow it. `started` is when the old primary was fenced, `last` the end of its log
/// where that was heard. A successor that cannot gives the role back.
pub(super) async fn promote_successor(
    context: &SwitchoverContext<'_>,
    followers: &[Follower],
    started: Instant,
    last: Option<Lsn>,
) -> Result<CompletedSwitchover, SwitchoverError> {
    // At the same time: where commits wait for standbys, writes flow when those have found the new primary, not before. And
    // clients when they have; earlier, all of them would ask a server again and again that is busy becoming the primary.
    let promoted = async { promote(context, context.to).await.map(|()| started.elapsed()) };
    let (promoted, (), ()) = futures::join!(promoted, follow(context, followers), context.clients.redirect());
    let took = match promoted {
        Ok(took) => took,
        Err(NotPromoted::WentDown) => return Err(return_to_primary(context, followers, last).await),
        Err(NotPromoted::Unknown(error)) => return Err(error),
    };
    // One that has tried while the new primary was busy becoming it waits before it tries again.
    follow(context, followers).await;
    Ok(CompletedSwitchover { took })
}
