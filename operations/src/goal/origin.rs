//! The StatefulSet as it was before an operation.

use serde::{Deserialize, Serialize};
use stateful_safety::{ReplicaGroup, Rollout};

use crate::Snapshot;

/// A StatefulSet before an operation: what is restored at its end, and what `rollback` goes back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// The database container's image.
    pub image: String,
    /// The update strategy.
    pub rollout: Rollout,
    /// The primaries, so that an operation that is resumed can still restore them.
    pub primaries: Vec<String>,
    /// How many members were declared; 0 where an older version did not write it down.
    #[serde(default)]
    pub replicas: usize,
}

impl Origin {
    /// The present state as the origin.
    pub fn of(snapshot: &Snapshot) -> Self {
        let primaries = snapshot.assessment.groups.iter().filter_map(ReplicaGroup::primary);
        Self {
            image: snapshot.workload.image.clone(),
            rollout: snapshot.workload.rollout.clone(),
            primaries: primaries.map(|primary| primary.name.clone()).collect(),
            replicas: snapshot.workload.replicas,
        }
    }
}
