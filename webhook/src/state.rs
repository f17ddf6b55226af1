//! What the guard knows: the cluster's inventory, and what each database said last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use stateful_cluster::Inventory;
use stateful_safety::{Assessment, Workload, WorkloadId};

use crate::reservations::Sighting;

/// Everything known, shared by all who judge.
pub(crate) struct Known {
    /// The cluster.
    pub(crate) inventory: Inventory,
    seen: RwLock<HashMap<WorkloadId, Seen>>,
    /// When this process first saw the promise about a pod of that UID. Clocks of two machines are not compared.
    promised: Mutex<HashMap<String, Sighting>>,
}

/// The newest look at one database.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// What its servers said; none when no look has ended yet.
    pub(crate) assessment: Option<Assessment>,
    /// The workload with the pods that were asked; shared with the inventory for as long as they are the ones it knows.
    pub(crate) asked: Option<Arc<Workload>>,
    /// Why nothing is known, or nothing new.
    pub(crate) trouble: Option<String>,
}

impl Known {
    pub(crate) fn new(inventory: Inventory) -> Self {
        Self { inventory, seen: RwLock::default(), promised: Mutex::default() }
    }

    /// The newest looks.
    pub(crate) fn seen(&self) -> RwLockReadGuard<'_, HashMap<WorkloadId, Seen>> {
        self.seen.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a look.
    pub(crate) fn keep(&self, id: &WorkloadId, assessment: Assessment, asked: Arc<Workload>) {
        let seen = Seen { assessment: Some(assessment), asked: Some(asked), trouble: None };
        self.seen.write().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), seen);
    }

    /// Keeps the reason why there is no look. What was known stays, and grows old.
    pub(crate) fn keep_trouble(&self, id: &WorkloadId, why: String) {
        self.seen.write().unwrap_or_else(PoisonError::into_inner).entry(id.clone()).or_default().trouble = Some(why);
    }

    /// Forgets a database that is gone or no longer guarded.
    pub(crate) fn forget(&self, id: &WorkloadId) {
        self.seen.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// When promises were first seen here.
    pub(crate) fn promised(&self) -> MutexGuard<'_, HashMap<String, Sighting>> {
        self.promised.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
