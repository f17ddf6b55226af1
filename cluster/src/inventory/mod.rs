//! LOOK. Watches a cluster and keeps in memory what the guard needs.
//!
//! Every object is reduced to a few facts when it arrives, so that ten thousand pods take megabytes. A watch that breaks restarts
//! by itself. Until every kind has been listed once, the inventory is not [synced](Inventory::is_synced) and must not be used
//! for a decision.

mod changes;
mod facts;
mod model;
mod objects;
mod slim;
mod watch;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use stateful_safety::EngineProfiles;
use tokio::sync::{Notify, broadcast};

pub use changes::{Change, Changes};
pub use model::{Model, NamespaceFacts, PodFacts, PodPhase, SetFacts};

use crate::Cluster;

/// The watched kinds; without any of them the guard can decide nothing.
const KINDS: [&str; 7] =
    ["Namespace", "StatefulSet", "Pod", "PodDisruptionBudget", "Node", "Lease", "DisruptionPolicy"];

/// A cluster in memory.
#[derive(Clone)]
pub struct Inventory {
    inner: Arc<Inner>,
}

struct Inner {
    model: RwLock<Model>,
    /// Kinds that have not been listed yet, each with the last error.
    unread: Mutex<BTreeMap<&'static str, String>>,
    /// Whether none of them is left; read at every request.
    synced: AtomicBool,
    /// Notifies when all kinds have been listed.
    all_read: Notify,
    changes: broadcast::Sender<Change>,
}

impl Inventory {
    /// Starts the watches. They end with the process.
    pub fn watch(cluster: &Cluster) -> Self {
        let inventory = Self::unread_yet(cluster.profiles);
        watch::begin(cluster, &inventory);
        inventory
    }

    fn unread_yet(profiles: EngineProfiles) -> Self {
        let inner = Inner {
            model: RwLock::new(Model::new(profiles)),
            unread: Mutex::new(KINDS.into_iter().map(|kind| (kind, "not listed yet".to_owned())).collect()),
            synced: AtomicBool::new(false),
            all_read: Notify::new(),
            changes: broadcast::channel(1024).0,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The current state. Hold the guard briefly: the watches wait for it.
    pub fn model(&self) -> RwLockReadGuard<'_, Model> {
        // A watch that panicked while writing has left a valid map.
        self.inner.model.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether every kind has been listed once.
    pub fn is_synced(&self) -> bool {
        self.inner.synced.load(Ordering::Acquire)
    }

    /// Waits until every kind has been listed once.
    pub async fn synced(&self) {
        let all_read = self.inner.all_read.notified(); // subscribe before the check
        if !self.is_synced() {
            all_read.await;
        }
    }

    /// The kinds that have not been listed yet, each with the reason: a missing CRD, a missing permission.
    pub fn unread(&self) -> Vec<String> {
        let unread = self.inner.unread.lock().unwrap_or_else(PoisonError::into_inner);
        unread.iter().map(|(kind, why)| format!("{kind} ({why})")).collect()
    }

    /// Subscribes to all changes from now on.
    pub fn changes(&self) -> Changes {
        Changes(self.inner.changes.subscribe())
    }

    fn change(&self, change: impl FnOnce(&mut Model) -> Option<Change>) {
        let changed = change(&mut self.inner.model.write().unwrap_or_else(PoisonError::into_inner));
        if let Some(changed) = changed {
            let _ = self.inner.changes.send(changed); // there may be no subscriber yet
        }
    }

    fn not_listed(&self, kind: &str, why: String) {
        let mut unread = self.inner.unread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(said) = unread.get_mut(kind) {
            *said = why;
        }
    }

    fn listed(&self, kind: &str) {
        let mut unread = self.inner.unread.lock().unwrap_or_else(PoisonError::into_inner);
        unread.remove(kind);
        if unread.is_empty() {
            self.inner.synced.store(true, Ordering::Release);
            self.inner.all_read.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::{Inventory, KINDS};

    #[test]
    fn a_kind_that_has_not_been_listed_is_named_with_the_reason() {
        let inventory = Inventory::unread_yet(crate::test_profiles::PROFILES);
        for kind in KINDS.into_iter().filter(|kind| *kind != "DisruptionPolicy") {
            inventory.listed(kind);
        }
        inventory.not_listed("DisruptionPolicy", "404 page not found".to_owned());
        assert!(!inventory.is_synced());
        assert_eq!(inventory.unread(), ["DisruptionPolicy (404 page not found)"]);
        inventory.listed("DisruptionPolicy");
        inventory.not_listed("Pod", "the watch broke".to_owned());
        assert!(inventory.is_synced(), "a watch that breaks later restarts and keeps what it has read");
        assert!(inventory.unread().is_empty());
    }

    #[tokio::test]
    async fn synced_waits_for_the_last_kind() {
        let inventory = Inventory::unread_yet(crate::test_profiles::PROFILES);
        let mut waiting = Box::pin(inventory.synced());
        for kind in KINDS {
            assert!(waiting.as_mut().now_or_never().is_none(), "{kind} has not been listed");
            inventory.listed(kind);
        }
        waiting.await;
        inventory.synced().await;
    }
}
