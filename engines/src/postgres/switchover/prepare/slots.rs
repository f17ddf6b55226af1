//! TOUCH. Creates on the successor the replication slots through which its future standbys will read.

use crate::SwitchoverError;
use crate::postgres::connections::{ask, literal, words};
use crate::postgres::switchover::SwitchoverContext;
use crate::postgres::switchover::leftover_slots::mark;

/// Selects the slot that a member is configured to use as a standby; the old primary may have one in its settings as well.
const USED: &str = "SELECT setting FROM pg_settings WHERE name = 'primary_slot_name' AND setting <> ''";

/// Creates on the successor every slot that a member which will follow it is configured to use, and marks those that it has made
/// as ours. The successor keeps its log from now on. One that cannot be marked is never dropped by this tool.
pub(super) async fn create(context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
    let members: Vec<&str> = context.others().map(|endpoint| endpoint.member.as_str()).chain([context.from]).collect();
    let directory = context.value(context.to, "SHOW data_directory").await?;
    for member in members {
        // A member that does not answer is not in sync, and the judge has allowed the switchover all the same.
        let Ok(Some(slot)) = context.value(member, USED).await else { continue };
        let name = literal(&slot);
        let make = format!(
            "SELECT pg_create_physical_replication_slot({name}, true)::text WHERE NOT EXISTS \
             (SELECT FROM pg_replication_slots WHERE slot_name = {name})"
        );
        let refused = |why: String| SwitchoverError::Refused { member: context.to.to_owned(), why };
        let client = context.client(context.to).await?;
        let made = ask(&client, &make).await.map_err(|error| refused(format!("slot {slot}: {}", words(&error))))?;
        // Without a row there was a slot of that name: whose it is, its own mark says.
        if let (Some(directory), false) = (&directory, made.iter().all(Vec::is_empty)) {
            let _ = client.batch_execute(&mark(directory, &slot)).await;
        }
    }
    Ok(())
}
