//! What the guard saw when it last asked a database.

use std::sync::Arc;

use stateful_safety::{Assessment, Workload};

/// The newest observation of one database.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observation {
    /// What its servers said; none while no observation has succeeded.
    pub(crate) assessment: Option<Assessment>,
    /// The workload with the pods that were asked; shared with the inventory for as long as its pods are the same.
    pub(crate) workload: Option<Arc<Workload>>,
    /// Why the last attempt to observe the database failed; none after a success.
    pub(crate) failure: Option<String>,
}
