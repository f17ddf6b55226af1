//! TOUCH. Keeps the other members from standing for election while the successor does, and allows them again.

use futures::future::{join, join_all};
use mongodb::bson::doc;

use super::SwitchoverContext;
use crate::mongodb::Answers;
use crate::mongodb::answers::{host, priority};

/// For how long, in seconds, a member stays frozen if this process dies before it ends the freeze: longer than a switchover takes.
const OTHERS_FOR: i32 = 20;

/// The same for the successor, which stands for election when replication has settled: longer than that takes, and no longer than
/// the set's own election would take if this process died now.
const SUCCESSOR_FOR: i32 = 10;

/// Freezes the secondaries. The primary that steps down asks a secondary to stand for election at once, and one that is not frozen
/// would: another one instead of the successor, or the successor too early.
pub(super) async fn secondaries(context: &SwitchoverContext<'_>, others: &[String]) {
    let others = others.iter().map(|other| context.ask(other, doc! { "replSetFreeze": OTHERS_FOR }));
    let successor = context.ask(context.to, doc! { "replSetFreeze": SUCCESSOR_FOR });
    // A member that refuses is the primary or cannot be reached.
    drop(join(join_all(others), successor).await);
}

/// Allows the successor to stand for election.
pub(super) async fn unfreeze_successor(context: &SwitchoverContext<'_>) {
    let _ = context.ask(context.to, doc! { "replSetFreeze": 0 }).await;
}

/// For how long, in seconds, an old primary with a higher priority than the new one does not stand for election: long enough to be
/// restarted next, or to become the primary again by a switchover. After that the priorities decide.
const PREFERRED_FOR: i32 = 60;

/// Ends the freeze of all members, also of the one that stepped down. The primary refuses, and does not need it.
pub(super) async fn unfreeze_all(context: &SwitchoverContext<'_>) {
    join_all(context.endpoints.iter().map(|endpoint| context.ask(&endpoint.member, doc! { "replSetFreeze": 0 }))).await;
}

/// Ends the freeze after a successful switchover, except for an old primary that would take the role back by its higher priority.
pub(super) async fn unfreeze_after_switchover(context: &SwitchoverContext<'_>) {
    unfreeze_all(context).await;
    if is_preferred_by_configuration(context).await {
        let _ = context.ask(context.from, doc! { "replSetFreeze": PREFERRED_FOR }).await;
    }
}

/// Whether the set's configuration gives the old primary a higher priority than the new one.
async fn is_preferred_by_configuration(context: &SwitchoverContext<'_>) -> bool {
    let Ok(config) = context.ask(context.to, doc! { "replSetGetConfig": 1 }).await else { return false };
    let answer = Answers { config, ..Answers::default() };
    let wanted = |member: &str| {
        let endpoint = context.endpoint(member).ok()?;
        answer.configured().find(|configured| endpoint.is_at(host(configured, "host"))).map(priority)
    };
    wanted(context.from) > wanted(context.to)
}
