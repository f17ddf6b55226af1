//! Whether commits wait for a standby only for as long as an operation lasts.

use serde::{Deserialize, Serialize};

/// What may be changed, and what has been, about whom commits wait for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SyncReplication {
    /// As the database's own configuration, or whoever decides there, has it: nobody here changes it.
    #[default]
    Declared,
    /// Commits wait for nobody, and may be made to wait for a standby.
    Asynchronous,
    /// They wait for a standby because an operation has them wait; that ends with it.
    ForTheDuration,
    /// They wait for nobody, and a member's configuration still holds what an operation had set for its duration: it would
    /// hold should that member lead.
    LeftBehind,
    /// Not everybody who would know has said.
    Unknown,
}
