//! The limits of the judge.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Millis;

/// Thresholds; one default for the plugin, a `DisruptionPolicy` for the guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// How old an assessment may be before it counts as not knowing, in milliseconds.
    pub max_age: Millis,
    /// How far behind a replica may be and still count as in sync, in bytes of replication stream.
    pub max_lag_bytes: u64,
    /// How many seconds ago a replica may last have said how far it has come; no limit without it.
    #[serde(default)]
    pub max_lag_seconds: Option<u64>,
    /// Codes of reasons the operator of this run has accepted (`--skip-check`).
    pub accepted: BTreeSet<String>,
}

impl Default for Policy {
    /// 3 s: an observation of a slow cluster takes up to two. 1 MiB: the engine that is least
    /// patient gives a replica five seconds to catch up while writes wait (`CLUSTER_MF_TIMEOUT`); a megabyte takes
    /// milliseconds on any network, so the pause is too short to be felt.
    fn default() -> Self {
        Self { max_age: 3_000, max_lag_bytes: 1 << 20, max_lag_seconds: None, accepted: BTreeSet::new() }
    }
}
