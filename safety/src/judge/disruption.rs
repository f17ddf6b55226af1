//! What is about to be done to a database.

use serde::{Deserialize, Serialize};

/// A thing about to be done, on which the judge is asked for its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Disruption {
    /// Take these members away for a while: evict, delete or restart their pods.
    Take {
        /// Pod names.
        members: Vec<String>,
    },
    /// Make another member of a group its primary.
    #[serde(rename = "handOver")]
    Switchover {
        /// The present primary.
        from: String,
        /// The member to become primary.
        to: String,
    },
    /// End a switchover that was broken off, while no member leads: with one of the two leading.
    #[serde(rename = "finishHandOver")]
    FinishSwitchover {
        /// The primary before it.
        from: String,
        /// The member that was to become primary.
        to: String,
    },
}
