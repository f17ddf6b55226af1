//! LOOK. Whether the set is quiet: nobody leads, and everybody has all there is.
//!
//! An election right after the step-down finds the last entries still on their way, and with them the news that they are
//! committed. Each is a batch that the others read from the successor, and with each they ask themselves whether to go on
//! reading there: from one that reads from nobody any more and does not lead yet they do not, and then they sleep for a second
//! (`shouldChangeSyncSource` of the server's topology coordinator), which majority writes wait for.

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use mongodb::bson::{Document, doc};
use tokio::time::sleep;

use super::SwitchoverContext;
use crate::SwitchoverError;

/// Between two questions. Writes wait.
const POLL: Duration = Duration::from_millis(5);

/// A few milliseconds are enough where nothing else is the matter. After this long, waiting costs more than it may spare.
const WITHIN: Duration = Duration::from_millis(250);

/// Waits until it is, or a moment has passed.
pub(super) async fn wait(context: &SwitchoverContext<'_>, readers: &[String]) {
    let begun = Instant::now();
    let mut before = Vec::new();
    while begun.elapsed() < WITHIN {
        let everybody = [context.from, context.to].into_iter().chain(readers.iter().map(String::as_str));
        let told = try_join_all(everybody.map(|member| last_write(context, member))).await;
        let Ok(told) = told else { return };
        if is_quiet(&told, &before) {
            return;
        }
        before = told;
        sleep(POLL).await;
    }
}

/// How far a member is, and how far it knows a majority to be. `hello` tells both, and costs less than any other question.
async fn last_write(context: &SwitchoverContext<'_>, member: &str) -> Result<Document, SwitchoverError> {
    let hello = context.asked(member, doc! { "hello": 1 }).await?;
    Ok(hello.get_document("lastWrite").cloned().unwrap_or_default())
}

/// Whether all have the same, and nothing more is to come: they know that all of it is committed, or nothing has moved since
/// they were asked before.
fn is_quiet(told: &[Document], before: &[Document]) -> bool {
    let Some(last) = told.first().and_then(|first| first.get("opTime")) else { return false };
    let have_it = |member: &Document| member.get("opTime") == Some(last);
    let know_it = |member: &Document| member.get("majorityOpTime") == Some(last);
    told.iter().all(have_it) && (told.iter().all(know_it) || told == before)
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{Document, doc};

    use super::is_quiet;

    fn member(has: i32, knows: i32) -> Document {
        doc! { "opTime": { "ts": has, "t": 1 }, "majorityOpTime": { "ts": knows, "t": 1 } }
    }

    #[test]
    fn a_set_is_quiet_when_all_have_the_same_and_nothing_moves() {
        assert!(is_quiet(&[member(5, 5), member(5, 5), member(5, 5)], &[]), "all of it is committed, and all know");
        let late = [member(5, 5), member(5, 5), member(5, 4)];
        assert!(!is_quiet(&late, &[]), "the news is on its way");
        assert!(is_quiet(&late, &late), "or is not");
        let behind = [member(5, 5), member(5, 5), member(4, 4)];
        assert!(!is_quiet(&behind, &behind), "it has still to read");
        assert!(!is_quiet(&[Document::new()], &[Document::new()]), "unknown is not quiet");
    }
}
