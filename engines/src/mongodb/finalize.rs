//! TOUCH. Lets the data make use of a release's features (`setFeatureCompatibilityVersion`).

use std::time::Duration;

use mongodb::bson::{Document, doc};
use stateful_safety::Version;

use super::connections::{Connections, is_servers_refusal, order, words};
use crate::{Endpoint, ServerError, SwitchoverError};

/// It waits for a majority, twice, and may have to change every index; 15 s were seen to be enough for an empty database.
const PATIENCE: Duration = Duration::from_mins(5);

/// From this release on the command asks to be confirmed (manual, `setFeatureCompatibilityVersion`).
const CONFIRMED_FROM: u32 = 7;

/// Sends the command to the primary. After an interruption it can be sent again and continues.
pub(super) async fn finalize(
    connections: &Connections,
    endpoints: &[Endpoint],
    release: &Version,
) -> Result<(), SwitchoverError> {
    let unreachable =
        |why: ServerError| SwitchoverError::Unreachable { member: "the primary".to_owned(), why: why.to_string() };
    let (member, client) = connections.find_primary(endpoints).await.map_err(unreachable)?;
    match order(&client, command(release), PATIENCE).await {
        Ok(_) => Ok(()),
        Err(error) if is_servers_refusal(&error) => Err(SwitchoverError::Refused { member, why: words(&error) }),
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
