//! Hearing of changes: a burst of them is one occasion.

use std::collections::HashSet;

use stateful_safety::WorkloadId;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

/// Something that changed and that somebody waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Change {
    /// A workload, one of its pods or one of its Leases.
    Workload(WorkloadId),
    /// A policy, a namespace or a node.
    Other,
}

/// Hears of every change since it was made.
pub struct Changes(pub(super) Receiver<Change>);

impl Changes {
    /// Waits for a change and takes with it all that are there by then, each once: ten thousand pods of a first list cost
    /// whoever listens a few looks and not ten thousand. Changes it was too slow to hear of are missing. `None` when
    /// there will be no more. Dropped before it is done it has taken nothing.
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
    async fn a_burst_is_heard_at_once_and_each_change_in_it_once() {
        let (sender, receiver) = broadcast::channel(8);
        let mut changes = Changes(receiver);
        for _ in 0..5 {
            sender.send(Change::Other).expect("somebody listens");
        }
        assert_eq!(changes.burst().await, Some(HashSet::from([Change::Other])));
        sender.send(Change::Other).expect("somebody listens");
        drop(sender);
        assert_eq!(changes.burst().await, Some(HashSet::from([Change::Other])), "the last is heard");
        assert_eq!(changes.burst().await, None, "there will be no more");
    }

    #[tokio::test]
    async fn whoever_was_too_slow_is_told_that_something_changed() {
        let (sender, receiver) = broadcast::channel(2);
        let mut changes = Changes(receiver);
        for _ in 0..9 {
            sender.send(Change::Other).expect("somebody listens");
        }
        assert!(changes.burst().await.is_some());
    }
}
