//! TOUCH. Keeps the others from standing for election while the successor does, and lets them again.

use futures::future::join_all;
use mongodb::bson::doc;

use super::Hands;

/// For how long, in seconds, should nobody be there to end it: longer than a handover takes.
const FOR: i32 = 20;

/// Freezes the other secondaries. One that is not frozen may be chosen instead of the successor: then it leads, with
/// everything, and the plan is drawn up anew.
pub(super) async fn others(hands: &Hands<'_>, others: &[String]) {
    join_all(others.iter().map(|other| hands.asked(other, doc! { "replSetFreeze": FOR }))).await;
}

/// Ends it for everybody, the one that stepped down among them. Whoever leads refuses, and needs it not.
pub(super) async fn nobody(hands: &Hands<'_>) {
    join_all(hands.doors.iter().map(|door| hands.asked(&door.member, doc! { "replSetFreeze": 0 }))).await;
}
