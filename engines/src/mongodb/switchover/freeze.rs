//! TOUCH. Keeps the others from standing for election while the successor does, and lets them again.

use futures::future::{join, join_all};
use mongodb::bson::doc;

use super::SwitchoverContext;
use crate::mongodb::Answers;
use crate::mongodb::answers::{host, priority};

/// For how long, in seconds, should nobody be there to end it: longer than a switchover takes.
const FOR: i32 = 20;

/// The same for the successor, who stands when the set is quiet: longer than that takes, and no longer than an election that
/// nobody prepared, should whoever switches over die now.
const SUCCESSOR_FOR: i32 = 10;

/// Freezes the secondaries: one that is not frozen stands as soon as the primary steps down, since it asks one to. The others
/// would lead instead of the successor, and the successor too soon.
pub(super) async fn secondaries(context: &SwitchoverContext<'_>, others: &[String]) {
    let others = others.iter().map(|other| context.asked(other, doc! { "replSetFreeze": FOR }));
    let successor = context.asked(context.to, doc! { "replSetFreeze": SUCCESSOR_FOR });
    // Whoever refuses leads, or is away.
    drop(join(join_all(others), successor).await);
}

/// Lets the successor stand.
pub(super) async fn not_the_successor(context: &SwitchoverContext<'_>) {
    let _ = context.asked(context.to, doc! { "replSetFreeze": 0 }).await;
}

/// For how long, in seconds, an old primary that the set's configuration wants more than the new one does not stand: long
/// enough to be replaced next, or to be handed the lead back in order. Then the configuration has its way.
const WANTED_MORE: i32 = 60;

/// Ends it for everybody, the one that stepped down among them. Whoever leads refuses, and needs it not.
pub(super) async fn nobody(context: &SwitchoverContext<'_>) {
    join_all(context.endpoints.iter().map(|endpoint| context.asked(&endpoint.member, doc! { "replSetFreeze": 0 })))
        .await;
}

/// The same when the role has moved, but for an old primary that would take it back by itself.
pub(super) async fn nobody_but_one_wanted_more(context: &SwitchoverContext<'_>) {
    nobody(context).await;
    if is_wanted_more(context).await {
        let _ = context.asked(context.from, doc! { "replSetFreeze": WANTED_MORE }).await;
    }
}

/// Whether the set's configuration wants the old primary to lead more than the new one.
async fn is_wanted_more(context: &SwitchoverContext<'_>) -> bool {
    let Ok(config) = context.asked(context.to, doc! { "replSetGetConfig": 1 }).await else { return false };
    let told = Answers { config, ..Answers::default() };
    let wanted = |member: &str| {
        let endpoint = context.endpoint(member).ok()?;
        told.configured().find(|configured| endpoint.is_at(host(configured, "host"))).map(priority)
    };
    wanted(context.from) > wanted(context.to)
}
