//! What the guard knows and shares between requests: the cluster's inventory, the newest observation of each database,
//! and when this process first saw each reservation.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use stateful_cluster::Cluster;
use stateful_cluster::inventory::Inventory;
use stateful_safety::{Assessment, Workload, WorkloadId};

use super::observation::Observation;
use super::reservations::FirstSeen;

/// Everything an evaluation may need.
pub(crate) struct GuardState {
    /// The API server, for the few reads and the reservation that the cache cannot answer.
    pub(crate) cluster: Cluster,
    /// The watched objects.
    pub(crate) inventory: Inventory,
    observations: RwLock<HashMap<WorkloadId, Observation>>,
    /// When this process first saw the reservation of the pod with that UID. Clocks of two machines are not compared.
    first_seen: Mutex<HashMap<String, FirstSeen>>,
    write_locks: Mutex<HashMap<WorkloadId, Arc<tokio::sync::Mutex<()>>>>,
}

impl GuardState {
    pub(crate) fn new(cluster: Cluster, inventory: Inventory) -> Self {
        Self {
            cluster,
            inventory,
            observations: RwLock::default(),
            first_seen: Mutex::default(),
            write_locks: Mutex::default(),
        }
    }

    /// The newest observations.
    pub(crate) fn observations(&self) -> RwLockReadGuard<'_, HashMap<WorkloadId, Observation>> {
        self.observations.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a successful observation.
    pub(crate) fn store_observation(&self, id: &WorkloadId, assessment: Assessment, workload: Arc<Workload>) {
        let observation = Observation { assessment: Some(assessment), workload: Some(workload), failure: None };
        self.observations.write().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), observation);
    }

    /// Stores why an observation failed. The last successful one stays, and ages.
    pub(crate) fn store_failure(&self, id: &WorkloadId, why: String) {
        let mut all = self.observations.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(id.clone()).or_default().failure = Some(why);
    }

    /// Drops the observation of a database that was deleted or is no longer guarded.
    pub(crate) fn forget(&self, id: &WorkloadId) {
        self.observations.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// When this process first saw each reservation, by pod UID.
    pub(crate) fn first_seen(&self) -> MutexGuard<'_, HashMap<String, FirstSeen>> {
        self.first_seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock under which this process writes the eviction records of a workload, so that its own requests do not lose
    /// the compare-and-swap to each other. Between replicas the compare-and-swap alone decides.
    pub(crate) fn write_lock(&self, id: &WorkloadId) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.write_locks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(id.clone()).or_default())
    }
}
