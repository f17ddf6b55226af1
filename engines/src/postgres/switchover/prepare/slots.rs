//! TOUCH. Standbys that read through a slot find one of that name on the successor.

use crate::SwitchoverError;
use crate::postgres::connections::{literal, words};
use crate::postgres::switchover::SwitchoverContext;

/// The slots standbys are told to use, the old primary's own among them should it be told of one.
const USED: &str = "SELECT setting FROM pg_settings WHERE name = 'primary_slot_name' AND setting <> ''";

/// Creates on the successor every slot that somebody who will follow it is told to use. Its log is kept from now on.
pub(super) async fn create(context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
    let members: Vec<&str> = context.others().map(|endpoint| endpoint.member.as_str()).chain([context.from]).collect();
    for member in members {
        // One that does not answer is not in sync, and the judge has had his say on that.
        let Ok(Some(slot)) = context.word(member, USED).await else { continue };
        let name = literal(&slot);
        let make = format!(
            "SELECT pg_create_physical_replication_slot({name}, true) WHERE NOT EXISTS \
             (SELECT FROM pg_replication_slots WHERE slot_name = {name})"
        );
        let refused = |why: String| SwitchoverError::Refused { member: context.to.to_owned(), why };
        let made = context.link(context.to).await?.batch_execute(&make).await;
        made.map_err(|error| refused(format!("slot {slot}: {}", words(&error))))?;
    }
    Ok(())
}
