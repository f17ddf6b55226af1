//! LOOK. Waits until replication has settled after the step-down: no member is the primary, and all have the same entries.
//!
//! Right after the step-down the last entries are still being replicated, and with them the news that they are committed. Each is
//! a batch that the others read from the successor, and with each batch they decide whether to keep it as their source. They
//! do not keep a source that has no source itself and is not the primary yet, and then they sleep for a second
//! (`shouldChangeSyncSource` of the server's topology coordinator), while majority writes wait.

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use mongodb::bson::{Document, doc};
use tokio::time::sleep;

use super::SwitchoverContext;
use crate::SwitchoverError;

/// Between two questions. Clients' writes wait meanwhile.
const POLL: Duration = Duration::from_millis(5);

/// A few milliseconds are enough in a healthy set. After this long, waiting costs clients more than it could save them.
const WITHIN: Duration = Duration::from_millis(250);

/// Waits until replication has settled, or a moment has passed.
pub(super) async fn wait(context: &SwitchoverContext<'_>, readers: &[String]) {
    let begun = Instant::now();
    let mut before = Vec::new();
    while begun.elapsed() < WITHIN {
        let members = [context.from, context.to].into_iter().chain(readers.iter().map(String::as_str));
        let positions = try_join_all(members.map(|member| last_write(context, member))).await;
        let Ok(positions) = positions else { return };
        if is_quiet(&positions, &before) {
            return;
        }
        before = positions;
        sleep(POLL).await;
    }
}

/// A member's newest entry, and the newest one that it knows a majority to have. `hello` has both, and is the cheapest question.
async fn last_write(context: &SwitchoverContext<'_>, member: &str) -> Result<Document, SwitchoverError> {
    let hello = context.ask(member, doc! { "hello": 1 }).await?;
    Ok(hello.get_document("lastWrite").cloned().unwrap_or_default())
}

/// Whether all have the same entries and will get no more: they know that all of them are committed, or nothing has changed since
/// they were asked before.
fn is_quiet(positions: &[Document], before: &[Document]) -> bool {
    let Some(last) = positions.first().and_then(|first| first.get("opTime")) else { return false };
    let have_it = |member: &Document| member.get("opTime") == Some(last);
    let know_it = |member: &Document| member.get("majorityOpTime") == Some(last);
    positions.iter().all(have_it) && (positions.iter().all(know_it) || positions == before)
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
