//! TOUCH. Lets the data make use of a release's features (`setFeatureCompatibilityVersion`).

use std::time::Duration;

use mongodb::bson::{Document, doc};
use stateful_safety::Version;

use super::connections::{Connections, is_its_word, order, words};
use crate::{Endpoint, ServerError, SwitchoverError};

/// It waits for a majority, twice, and may have to change every index; 15 s were seen to be enough for an empty database.
const PATIENCE: Duration = Duration::from_mins(5);

/// From this release on the command asks to be confirmed (manual, `setFeatureCompatibilityVersion`).
const CONFIRMED_FROM: u32 = 7;

/// Tells whoever leads. Broken off, it is told once more and goes on.
pub(super) async fn finalize(
    connections: &Connections,
    endpoints: &[Endpoint],
    release: &Version,
) -> Result<(), SwitchoverError> {
    let unreachable =
        |why: ServerError| SwitchoverError::Unreachable { member: "the primary".to_owned(), why: why.to_string() };
    let (member, link) = connections.leader(endpoints).await.map_err(unreachable)?;
    match order(&link, command(release), PATIENCE).await {
        Ok(_) => Ok(()),
        Err(error) if is_its_word(&error) => Err(SwitchoverError::Refused { member, why: words(&error) }),
        Err(error) => Err(SwitchoverError::Unknown { to: member, why: words(&error) }),
    }
}

fn command(release: &Version) -> Document {
    let named = release.release(&super::PROFILE);
    let mut command = doc! { "setFeatureCompatibilityVersion": named.to_string() };
    if named.first().is_some_and(|first| first >= CONFIRMED_FROM) {
        command.insert("confirm", true);
    }
    command
}
