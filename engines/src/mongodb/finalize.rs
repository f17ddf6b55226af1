//! TOUCH. Lets the data make use of a release's features (`setFeatureCompatibilityVersion`).

use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::error::ErrorKind;
use stateful_safety::{EngineKind, Version};
use tokio::time::timeout;

use super::links::{Links, admin, ask, words};
use crate::{Door, HandOverError};

/// It waits for a majority, twice, and may have to change every index; 15 s were seen to be enough for an empty database.
const PATIENCE: Duration = Duration::from_mins(5);

/// From this release on the command asks to be confirmed (manual, `setFeatureCompatibilityVersion`).
const CONFIRMED_FROM: u32 = 7;

/// Tells whoever leads. Broken off, it is told once more and goes on.
pub(super) async fn finalize(links: &Links, doors: &[Door], release: &Version) -> Result<(), HandOverError> {
    for door in doors {
        let Ok(link) = links.to(door).await else { continue };
        let hello = ask(&link, doc! { "hello": 1 }).await;
        if !hello.is_ok_and(|hello| hello.get_bool("isWritablePrimary").unwrap_or(false)) {
            continue;
        }
        let unknown = |why: String| HandOverError::Unknown { to: door.member.clone(), why };
        return match timeout(PATIENCE, admin(&link).run_command(order(release))).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if matches!(error.kind.as_ref(), ErrorKind::Command(_)) => {
                Err(HandOverError::Refused { member: door.member.clone(), why: words(&error) })
            }
            Ok(Err(error)) => Err(unknown(words(&error))),
            Err(_) => Err(unknown(format!("no answer within {PATIENCE:?}"))),
        };
    }
    Err(HandOverError::NoWay { member: "the primary".to_owned(), why: "nobody says that it leads".to_owned() })
}

fn order(release: &Version) -> Document {
    let named = release.release(EngineKind::Mongodb);
    let mut order = doc! { "setFeatureCompatibilityVersion": named.to_string() };
    if named.first().is_some_and(|first| first >= CONFIRMED_FROM) {
        order.insert("confirm", true);
    }
    order
}
