//! Whether commits wait for a standby only for as long as an operation lasts.

use serde::{Deserialize, Serialize};

/// What may be changed, and what has been, about whom commits wait for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SyncReplication {
    /// As the database's own configuration, or its HA manager, has it: this tool does not change it.
    #[default]
    Declared,
    /// Commits do not wait for a replica, and may be made to wait for one.
    Asynchronous,
    /// They wait for a standby because an operation has them wait; that ends with it.
    ForTheDuration,
    /// They do not wait, and a member's configuration still holds what an operation had set for its duration: it would
    /// hold should that member lead.
    LeftBehind,
    /// Not every member that would know has answered.
    Unknown,
}
