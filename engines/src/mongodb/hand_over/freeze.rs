//! TOUCH. Keeps the others from standing for election while the successor does, and lets them again.

use futures::future::{join, join_all};
use mongodb::bson::doc;

use super::Hands;
use crate::mongodb::Answers;
use crate::mongodb::answers::{host, priority};

/// For how long, in seconds, should nobody be there to end it: longer than a handover takes.
const FOR: i32 = 20;

/// The same for the successor, who stands when the set is quiet: longer than that takes, and no longer than an election that
/// nobody prepared, should whoever hands over die now.
const SUCCESSOR_FOR: i32 = 10;

/// Freezes the secondaries: one that is not frozen stands as soon as the primary steps down, since it asks one to. The others
/// would lead instead of the successor, and the successor too soon.
pub(super) async fn secondaries(hands: &Hands<'_>, others: &[String]) {
    let others = others.iter().map(|other| hands.asked(other, doc! { "replSetFreeze": FOR }));
    let successor = hands.asked(hands.to, doc! { "replSetFreeze": SUCCESSOR_FOR });
    // Whoever refuses leads, or is away.
    drop(join(join_all(others), successor).await);
}

/// Lets the successor stand.
pub(super) async fn not_the_successor(hands: &Hands<'_>) {
    let _ = hands.asked(hands.to, doc! { "replSetFreeze": 0 }).await;
}

/// For how long, in seconds, an old primary that the set's configuration wants more than the new one does not stand: long
/// enough to be replaced next, or to be handed the lead back in order. Then the configuration has its way.
const WANTED_MORE: i32 = 60;

/// Ends it for everybody, the one that stepped down among them. Whoever leads refuses, and needs it not.
pub(super) async fn nobody(hands: &Hands<'_>) {
    join_all(hands.doors.iter().map(|door| hands.asked(&door.member, doc! { "replSetFreeze": 0 }))).await;
}

/// The same when the role has moved, but for an old primary that would take it back by itself.
pub(super) async fn nobody_but_one_wanted_more(hands: &Hands<'_>) {
    nobody(hands).await;
    if is_wanted_more(hands).await {
        let _ = hands.asked(hands.from, doc! { "replSetFreeze": WANTED_MORE }).await;
    }
}

/// Whether the set's configuration wants the old primary to lead more than the new one.
async fn is_wanted_more(hands: &Hands<'_>) -> bool {
    let Ok(config) = hands.asked(hands.to, doc! { "replSetGetConfig": 1 }).await else { return false };
    let told = Answers { config, ..Answers::default() };
    let wanted = |member: &str| {
        let door = hands.door(member).ok()?;
        told.configured().find(|configured| door.is_at(host(configured, "host"))).map(priority)
    };
    wanted(hands.from) > wanted(hands.to)
}
