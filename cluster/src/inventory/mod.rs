//! LOOK. Watches a cluster and keeps what the guard needs of it in memory.
//!
//! Every object is cut down to a few plain words the moment it arrives ([`model`](self)), so that ten thousand pods take
//! megabytes. A watch that breaks is taken up again by itself; until every kind has been listed once the inventory is not
//! [`synced`](Inventory::is_synced) and nobody may judge by it.

mod budget;
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

pub use budget::{Budget, BudgetAmount};
pub use changes::{Change, Changes};
pub use model::{Model, NamespaceFacts, PodFacts, PodPhase, SetFacts};

use crate::Cluster;

/// Kinds that are watched; without one of them nothing can be judged.
const KINDS: [&str; 7] =
    ["Namespace", "StatefulSet", "Pod", "PodDisruptionBudget", "Node", "Lease", "DisruptionPolicy"];

/// A cluster, remembered.
#[derive(Clone)]
pub struct Inventory {
    inner: Arc<Inner>,
}

struct Inner {
    model: RwLock<Model>,
    /// Kinds that have not been listed once, and what the API server said when it was asked.
    unread: Mutex<BTreeMap<&'static str, String>>,
    /// Whether there are none of them left: asked at every request.
    synced: AtomicBool,
    /// Rings when that is so.
    all_read: Notify,
    changes: broadcast::Sender<Change>,
}

impl Inventory {
    /// Begins to watch. The watches end with the process.
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

    /// What is known now. Held shortly: the watches wait meanwhile.
    pub fn model(&self) -> RwLockReadGuard<'_, Model> {
        // A watch that died while writing left a map that is still a map.
        self.inner.model.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether every kind has been listed once.
    pub fn is_synced(&self) -> bool {
        self.inner.synced.load(Ordering::Acquire)
    }

    /// Waits until every kind has been listed once.
    pub async fn synced(&self) {
        let rung = self.inner.all_read.notified(); // hears of a ring from here on, before it is looked
        if !self.is_synced() {
            rung.await;
        }
    }

    /// The kinds that have not been listed yet, each with what stands in the way: a CRD that is not there, a right that
    /// was not granted.
    pub fn unread(&self) -> Vec<String> {
        let unread = self.inner.unread.lock().unwrap_or_else(PoisonError::into_inner);
        unread.iter().map(|(kind, why)| format!("{kind} ({why})")).collect()
    }

    /// Hears of every change from now on.
    pub fn changes(&self) -> Changes {
        Changes(self.inner.changes.subscribe())
    }

    fn change(&self, change: impl FnOnce(&mut Model) -> Option<Change>) {
        let changed = change(&mut self.inner.model.write().unwrap_or_else(PoisonError::into_inner));
        if let Some(changed) = changed {
            let _ = self.inner.changes.send(changed); // nobody listens yet
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
    fn until_every_kind_was_listed_it_says_which_was_not_and_why() {
        let inventory = Inventory::unread_yet(crate::test_profiles::PROFILES);
        for kind in KINDS.into_iter().filter(|kind| *kind != "DisruptionPolicy") {
            inventory.listed(kind);
        }
        inventory.not_listed("DisruptionPolicy", "404 page not found".to_owned());
        assert!(!inventory.is_synced());
        assert_eq!(inventory.unread(), ["DisruptionPolicy (404 page not found)"]);
        inventory.listed("DisruptionPolicy");
        inventory.not_listed("Pod", "the watch broke".to_owned());
        assert!(inventory.is_synced(), "a watch that breaks later is taken up again, with what was read");
        assert!(inventory.unread().is_empty());
    }

    #[tokio::test]
    async fn who_waits_for_a_cluster_to_be_read_waits_for_the_last_kind() {
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
