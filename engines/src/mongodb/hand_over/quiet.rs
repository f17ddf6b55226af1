//! LOOK. Whether the set is quiet: nobody leads, and everybody has all there is.
//!
//! An election right after the step-down finds the last entries still on their way, and with them the news that they are
//! committed. Each is a batch that the others read from the successor, and with each they ask themselves whether to go on
//! reading there: from one that reads from nobody any more and does not lead yet they do not, and then they sleep for a second
//! (`shouldChangeSyncSource` of the server's topology coordinator), which majority writes wait for.

use std::time::{Duration, Instant};

use futures::future::{join, try_join_all};
use mongodb::bson::{Bson, Document};
use tokio::time::sleep;

use super::Hands;
use crate::mongodb::Answers;

/// Between two questions. Writes wait.
const POLL: Duration = Duration::from_millis(5);

/// A few milliseconds are enough where nothing else is the matter. After this long, waiting costs more than it may spare.
const WITHIN: Duration = Duration::from_millis(250);

/// Waits until it is, or a moment has passed.
pub(super) async fn wait(hands: &Hands<'_>, readers: &[String]) {
    let begun = Instant::now();
    let mut before: Vec<Document> = Vec::new();
    while begun.elapsed() < WITHIN {
        let everybody = readers.iter().map(String::as_str).chain([hands.to]).map(|member| hands.status(member));
        let (old, others) = join(hands.status(hands.from), try_join_all(everybody)).await;
        let (Ok(old), Ok(others)) = (old, others) else { return };
        let last = position(&old);
        let have_all = last.is_some() && others.iter().all(|other| position(other) == last);
        let now: Vec<Document> = others.iter().filter_map(|other| positions(other).cloned()).collect();
        // Not even what is committed has moved since they were asked before.
        if have_all && now == before {
            return;
        }
        before = now;
        sleep(POLL).await;
    }
}

fn positions(status: &Answers) -> Option<&Document> {
    status.status.get_document("optimes").ok()
}

fn position(status: &Answers) -> Option<&Bson> {
    positions(status)?.get("appliedOpTime")
}
