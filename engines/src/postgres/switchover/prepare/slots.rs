//! TOUCH. Creates on the successor the replication slots through which its future standbys will read.

use crate::SwitchoverError;
use crate::postgres::connections::{literal, words};
use crate::postgres::switchover::SwitchoverContext;

/// Selects the slot that a member is configured to use as a standby; the old primary may have one in its settings as well.
const USED: &str = "SELECT setting FROM pg_settings WHERE name = 'primary_slot_name' AND setting <> ''";

/// Creates on the successor every slot that a member which will follow it is configured to use. The successor keeps its log from
/// now on.
pub(super) async fn create(context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
    let members: Vec<&str> = context.others().map(|endpoint| endpoint.member.as_str()).chain([context.from]).collect();
    for member in members {
        // A member that does not answer is not in sync, and the judge has allowed the switchover all the same.
        let Ok(Some(slot)) = context.value(member, USED).await else { continue };
        let name = literal(&slot);
        let make = format!(
            "SELECT pg_create_physical_replication_slot({name}, true) WHERE NOT EXISTS \
             (SELECT FROM pg_replication_slots WHERE slot_name = {name})"
        );
        let refused = |why: String| SwitchoverError::Refused { member: context.to.to_owned(), why };
        let made = context.client(context.to).await?.batch_execute(&make).await;
        made.map_err(|error| refused(format!("slot {slot}: {}", words(&error))))?;
    }
    Ok(())
}
