//! What one replica does for all of them: it switches primaries over whose eviction was requested, settles switchovers that
//! a crashed leader left unfinished, keeps default budgets and writes the policies' status. A Lease decides which replica
//! leads.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::metrics::gauge::Gauge;
use stateful_cluster::guard::eviction_records::EvictionRecord;
use stateful_cluster::inventory::Model;
use stateful_cluster::locks::OperationLock;
use stateful_safety::{ReplicaGroup, WorkloadId};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::{default_pdbs, policy_status, switchover};
use crate::evaluation::clock::Now;
use crate::evaluation::observation::Observation;
use crate::evaluation::operation_lock::is_alive;
use crate::evaluation::state::GuardState;

/// The Lease, in the guard's own namespace.
const LEASE: &str = "stateful-guard-leader";

/// How often the leader looks for what no watch reports, such as a lock whose holder has died.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// A switchover is started up to this long after its eviction was requested last, unless the pod's node is cordoned: a drain
/// repeats its request every 5 s.
const REQUEST_LIFETIME: Duration = Duration::from_mins(2);

/// How many databases at once are examined for an unfinished switchover. Hundreds may have no primary, for reasons that a
/// switchover does not repair.
const SETTLED_AT_ONCE: usize = 8;

/// Leads whenever this replica holds the Lease, until `stop` turns true. It waits until the cluster has been read once:
/// before, a database whose budgets have not been listed looks as if it had none.
pub(crate) async fn run(
    state: Arc<GuardState>,
    leads: Gauge,
    namespace: String,
    identity: String,
    mut stop: watch::Receiver<bool>,
) {
    tokio::select! {
        () = state.inventory.synced() => {}
        _ = stop.wait_for(|stop| *stop) => return,
    }
    loop {
        let lease = tokio::select! {
            lease = OperationLock::lead(&state.cluster, &namespace, LEASE, &identity) => lease,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match lease {
            Ok(lease) => {
                tracing::info!("this replica leads");
                leads.set(1);
                lead(&state, &lease, &identity, &mut stop).await;
                leads.set(0);
                let stopping = *stop.borrow();
                if stopping {
                    // The next leader need not wait until the Lease has expired.
                    let _ = lease.release().await;
                    return;
                }
                tracing::info!("this replica no longer leads");
            }
            Err(error) => {
                tracing::warn!(%error, "the Lease of the leader cannot be acquired");
                tokio::time::sleep(SWEEP_EVERY).await;
            }
        }
    }
}

/// The leader's work, until it loses the Lease or is told to stop.
async fn lead(state: &Arc<GuardState>, lease: &OperationLock, identity: &str, stop: &mut watch::Receiver<bool>) {
    let mut changes = state.inventory.changes();
    let mut sweep = interval(SWEEP_EVERY);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut running: HashMap<WorkloadId, JoinHandle<()>> = HashMap::new();
    let permits = Arc::new(Semaphore::new(SETTLED_AT_ONCE));
    loop {
        let swept = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => false,
            _ = sweep.tick() => true,
            burst = changes.burst() => match burst {
                Some(_) => false,
                None => return,
            },
        };
        if *stop.borrow() || lease.confirm().await.is_err() {
            // A running switchover holds an operation lock of its own and is completed; it takes about a second.
            for task in running.into_values() {
                let _ = task.await;
            }
            return;
        }
        running.retain(|_, task| !task.is_finished());
        for (id, record) in find_requested(state) {
            running.entry(id.clone()).or_insert_with(|| {
                let (state, identity) = (Arc::clone(state), identity.to_owned());
                tokio::spawn(async move { switchover::carry_out(&state, &id, &record, &identity).await })
            });
        }
        if swept {
            for id in find_unfinished(&state.inventory.model(), &state.observations(), Now::read().wall) {
                running.entry(id.clone()).or_insert_with(|| {
                    let (state, identity, permits) = (Arc::clone(state), identity.to_owned(), Arc::clone(&permits));
                    tokio::spawn(async move { switchover::take_up(&state, &id, &identity, &permits).await })
                });
            }
            default_pdbs::reconcile(state).await;
            policy_status::write(state).await;
        }
    }
}

/// Finds the switchovers that a refused eviction waits for: one a database.
fn find_requested(state: &GuardState) -> Vec<(WorkloadId, EvictionRecord)> {
    let now = Now::read().wall;
    let model = state.inventory.model();
    let mut requested = Vec::new();
    for set in model.guarded_sets() {
        let id = &set.workload.id;
        let waits = |record: &&EvictionRecord| {
            let cordoned = record.node.as_deref().is_some_and(|node| model.is_cordoned(node) == Some(true));
            let there = model.pod(&id.namespace, &record.pod).is_some_and(|pod| pod.member.uid == record.uid);
            let recent = now.duration_since(record.at).unsigned_abs() < REQUEST_LIFETIME;
            record.switch_over && !record.granted && there && (cordoned || recent)
        };
        requested.extend(model.eviction_records(id).iter().find(waits).map(|record| (id.clone(), record.clone())));
    }
    requested
}

/// Finds the databases on which an operation may have stopped halfway: a held lock that is no longer renewed, or no primary
/// and no lock. Whose operation it was, the journal says.
fn find_unfinished(model: &Model, observations: &HashMap<WorkloadId, Observation>, now: Timestamp) -> Vec<WorkloadId> {
    let is_unfinished = |id: &WorkloadId| {
        let lock = model.operation_lock(id).filter(|lock| lock.holder.is_some());
        match lock {
            Some(lock) => !is_alive(lock, now),
            None => observations
                .get(id)
                .and_then(|observation| observation.assessment.as_ref())
                .is_some_and(|assessment| assessment.groups.iter().any(ReplicaGroup::lacks_primary)),
        }
    };
    model.guarded_sets().into_iter().map(|set| set.workload.id.clone()).filter(is_unfinished).collect()
}

#[cfg(test)]
mod tests;
