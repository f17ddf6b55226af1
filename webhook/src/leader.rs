//! What one replica does for all: hands primaries over, gives budgets to databases that have none, and tells policies
//! what they apply to. Who leads is decided by a Lease.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stateful_cluster::{Budget, EvictionRecord, Labels, Model, OperationLock};
use stateful_safety::{ReplicaGroup, WorkloadId};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::evaluation::lives;
use crate::guard::Guard;
use crate::state::Seen;
use crate::switchover;

/// The Lease, in the guard's own namespace.
const LEASE: &str = "stateful-guard-leader";

/// What nobody announces is looked at this often.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// A switchover nobody waits for any more is not begun: a drain asks again every five seconds, and its node is cordoned.
const WAITS_FOR: Duration = Duration::from_mins(2);

/// Databases at once of which the journal is asked who has left them. There may be hundreds without a primary, for reasons
/// that are nobody's to mend.
const TAKEN_UP_AT_ONCE: usize = 8;

/// Leads whenever it can, once the cluster has been read, until `stop` turns true. Before, a database whose budgets have
/// not been listed yet looks as if it had none.
pub(crate) async fn run(guard: Arc<Guard>, namespace: String, identity: String, mut stop: watch::Receiver<bool>) {
    tokio::select! {
        () = guard.known.inventory.synced() => {}
        _ = stop.wait_for(|stop| *stop) => return,
    }
    loop {
        let claim = tokio::select! {
            claim = OperationLock::lead(&guard.cluster, &namespace, LEASE, &identity) => claim,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match claim {
            Ok(claim) => {
                tracing::info!("this replica leads");
                guard.metrics.gauges.leader.set(1);
                lead(&guard, &claim, &identity, &mut stop).await;
                guard.metrics.gauges.leader.set(0);
                let stopping = *stop.borrow();
                if stopping {
                    // The next one need not wait until it has run out.
                    let _ = claim.release().await;
                    return;
                }
                tracing::info!("this replica leads no more");
            }
            Err(error) => {
                tracing::warn!(%error, "nobody can be elected leader");
                tokio::time::sleep(SWEEP_EVERY).await;
            }
        }
    }
}

/// The leader's work, until the claim is lost or it is asked to stop.
async fn lead(guard: &Arc<Guard>, claim: &OperationLock, identity: &str, stop: &mut watch::Receiver<bool>) {
    let mut changes = guard.known.inventory.changes();
    let mut sweep = interval(SWEEP_EVERY);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut running: HashMap<WorkloadId, JoinHandle<()>> = HashMap::new();
    let turns = Arc::new(Semaphore::new(TAKEN_UP_AT_ONCE));
    loop {
        let swept = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => false,
            _ = sweep.tick() => true,
            burst = changes.burst() => match burst {
                Some(_) => false,
                None => return,
            },
        };
        if *stop.borrow() || claim.confirm().await.is_err() {
            // A switchover that runs has a claim of its own and goes on to its end; it takes a second.
            for task in running.into_values() {
                let _ = task.await;
            }
            return;
        }
        running.retain(|_, task| !task.is_finished());
        for (id, promise) in wanted(guard) {
            running.entry(id.clone()).or_insert_with(|| {
                let (guard, identity) = (Arc::clone(guard), identity.to_owned());
                tokio::spawn(async move { switchover::carry_out(&guard, &id, &promise, &identity).await })
            });
        }
        if swept {
            // No change announces that a claim's holder has died.
            for id in left_behind(&guard.known.inventory.model(), &guard.known.seen(), Guard::now().wall) {
                running.entry(id.clone()).or_insert_with(|| {
                    let (guard, identity, turns) = (Arc::clone(guard), identity.to_owned(), Arc::clone(&turns));
                    tokio::spawn(async move { switchover::take_up(&guard, &id, &identity, &turns).await })
                });
            }
            cover_the_bare(guard).await;
            tell_policies(guard).await;
        }
    }
}

/// The switchovers somebody waits for.
fn wanted(guard: &Guard) -> Vec<(WorkloadId, EvictionRecord)> {
    let now = Guard::now().wall;
    let model = guard.known.inventory.model();
    let mut wanted = Vec::new();
    for set in model.guarded_sets() {
        let id = &set.workload.id;
        let waits = |promise: &EvictionRecord| {
            let cordoned = promise.node.as_deref().is_some_and(|node| model.is_cordoned(node) == Some(true));
            let there = model.pod(&id.namespace, &promise.pod).is_some_and(|pod| pod.member.uid == promise.uid);
            let recent = now.duration_since(promise.at).unsigned_abs() < WAITS_FOR;
            promise.switch_over && !promise.granted && there && (cordoned || recent)
        };
        wanted.extend(
            model.promises(id).iter().find(|promise| waits(promise)).map(|promise| (id.clone(), promise.clone())),
        );
    }
    wanted
}

/// The databases an operation may have left in its middle: a claim nobody has let go of shows no sign of life any more, or
/// there is no primary and nobody is at work. Whose operation it was the journal says.
fn left_behind(model: &Model, seen: &HashMap<WorkloadId, Seen>, now: Timestamp) -> Vec<WorkloadId> {
    let is_left = |id: &WorkloadId| {
        let claim = model.claim(id).filter(|claim| claim.holder.is_some());
        match claim {
            Some(claim) => !lives(claim, now),
            None => seen
                .get(id)
                .and_then(|seen| seen.assessment.as_ref())
                .is_some_and(|assessment| assessment.groups.iter().any(ReplicaGroup::lacks_primary)),
        }
    };
    model.guarded_sets().into_iter().map(|set| set.workload.id.clone()).filter(is_left).collect()
}

/// Gives a budget to every guarded database whose pods none selects, and takes it back where somebody has written one.
async fn cover_the_bare(guard: &Guard) {
    let (mut bare, mut doubly) = (Vec::new(), Vec::new());
    {
        let model = guard.known.inventory.model();
        for set in model.guarded_sets().into_iter().filter(|set| !set.terminating && set.workload.replicas > 1) {
            let ours = stateful_cluster::cover_name(&set.workload.id.name);
            // Budgets may select by a label that is put on living pods only: their role.
            let pods = model.pods_in(&set.workload.id.namespace);
            let labels: Vec<&Labels> = pods
                .filter(|pod| pod.owner.as_ref() == Some(&set.workload.uid))
                .map(|pod| pod.labels.as_ref())
                .chain([&set.pod_labels])
                .collect();
            let selects = |budget: &&Budget| labels.iter().any(|labels| budget.selects(labels));
            let all = model.budgets_in(&set.workload.id.namespace).filter(selects);
            let names: Vec<&str> = all.map(|budget| budget.name.as_str()).collect();
            if names.is_empty() {
                bare.push(set.workload.clone());
            } else if names.len() > 1 && names.contains(&ours.as_str()) {
                doubly.push(set.workload.clone());
            }
        }
    }
    for workload in bare {
        match stateful_cluster::cover(&guard.cluster, &workload).await {
            Ok(()) => tracing::info!(workload = %workload.id, "made a budget: it had none"),
            Err(error) => tracing::warn!(workload = %workload.id, %error, "no budget could be made"),
        }
    }
    for workload in doubly {
        match stateful_cluster::uncover(&guard.cluster, &workload).await {
            Ok(()) => tracing::info!(workload = %workload.id, "took our budget back: somebody wrote one"),
            Err(error) => tracing::warn!(workload = %workload.id, %error, "our budget could not be taken back"),
        }
    }
}

/// Tells each policy what it applies to.
async fn tell_policies(guard: &Guard) {
    let statuses: Vec<(String, usize, Option<String>)> = {
        let model = guard.known.inventory.model();
        let sets = model.guarded_sets();
        let applies = |policy: &stateful_cluster::DisruptionPolicySpec| {
            sets.iter().filter(|set| policy.applies_to(&model, set)).count()
        };
        model.policies().map(|(name, policy)| (name.to_owned(), applies(policy), policy.config_violation())).collect()
    };
    for (name, workloads, config_violation) in statuses {
        if let Err(error) =
            stateful_cluster::tell_policy(&guard.cluster, &name, workloads, config_violation.as_deref()).await
        {
            tracing::warn!(policy = name, %error, "its status could not be written");
        }
    }
}

#[cfg(test)]
mod tests;
