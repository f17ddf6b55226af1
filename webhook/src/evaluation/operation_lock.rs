//! LOOK. The operation lock (a Lease) that an upgrade, a drain or a switchover holds on a database.

use jiff::Timestamp;
use stateful_cluster::Error;
use stateful_cluster::locks;
use stateful_cluster::locks::{LEAVES_NODE, LIFETIME, LeaseFacts, lock_name};
use stateful_safety::WorkloadId;

use super::state::GuardState;

/// Whether the holder of a lock has renewed it within the lock's lifetime.
pub(crate) fn is_alive(lock: &LeaseFacts, now: Timestamp) -> bool {
    now.duration_since(lock.seen_at).unsigned_abs() <= LIFETIME
}

/// Whether a running operation has judged this workload's members on a node and is about to move them away.
pub(crate) fn is_draining_node(lock: &LeaseFacts, node: &str, now: Timestamp) -> bool {
    lock.holder.is_some() && is_alive(lock, now) && lock.notes.get(LEAVES_NODE).is_some_and(|leaves| leaves == node)
}

/// Reads the lock on a workload from the API server. One that has not changed since the watch saw it keeps the time at
/// which the watch saw it.
pub(crate) async fn read_lock(state: &GuardState, id: &WorkloadId) -> Result<Option<LeaseFacts>, Error> {
    let read = locks::LeaseFacts::read(&state.cluster, &id.namespace, &lock_name(&id.name)).await?;
    let model = state.inventory.model();
    let cached = model.operation_lock(id);
    Ok(read.map(|read| match cached {
        Some(cached) if cached.version == read.version => cached.clone(),
        _ => read,
    }))
}
