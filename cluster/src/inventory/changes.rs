//! Subscriptions to changes of the inventory, delivered in bursts.

use std::collections::HashSet;

use stateful_safety::WorkloadId;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

/// A change of the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Change {
    /// A workload, one of its pods or one of its Leases.
    Workload(WorkloadId),
    /// A policy, a namespace or a node.
    Other,
}

/// A subscription to all changes since it was created.
pub struct Changes(pub(super) Receiver<Change>);

impl Changes {
    /// Waits for a change and returns it with all others that have arrived, each once: a first list of ten thousand pods becomes
    /// a few bursts. Changes that the subscriber was too slow to receive are missing. `None` when there will be no more. A
    /// dropped future has taken no change.
    pub async fn burst(&mut self) -> Option<HashSet<Change>> {
        let mut burst = match self.0.recv().await {
            Ok(first) => HashSet::from([first]),
            Err(RecvError::Lagged(_)) => HashSet::new(),
            Err(RecvError::Closed) => return None,
        };
        loop {
            match self.0.try_recv() {
                Ok(next) => drop(burst.insert(next)),
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return Some(burst),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use tokio::sync::broadcast;

    use super::{Change, Changes};

    #[tokio::test]
    async fn a_burst_has_each_change_once() {
        let (sender, receiver) = broadcast::channel(8);
        let mut changes = Changes(receiver);
        for _ in 0..5 {
            sender.send(Change::Other).expect("a subscriber");
        }
        assert_eq!(changes.burst().await, Some(HashSet::from([Change::Other])));
        sender.send(Change::Other).expect("a subscriber");
        drop(sender);
        assert_eq!(changes.burst().await, Some(HashSet::from([Change::Other])), "the last one is delivered");
        assert_eq!(changes.burst().await, None, "there will be no more");
    }

    #[tokio::test]
    async fn a_slow_subscriber_still_gets_a_burst() {
        let (sender, receiver) = broadcast::channel(2);
        let mut changes = Changes(receiver);
        for _ in 0..9 {
            sender.send(Change::Other).expect("a subscriber");
        }
        assert!(changes.burst().await.is_some());
    }
}
