//! THINK. Evictions of a guarded database's pods (`pods/eviction` CREATE, both API versions).
//!
//! What it stops. The eviction of a primary, of the last in-sync replica, of a second member, or of any member while
//! replicas lag or nothing is known about the database.
//!
//! Why a budget is not enough. A budget counts Ready pods. It knows neither role nor lag, and two budgets on a pod make
//! every eviction fail with 500.
//!
//! How kubectl drain takes it. It prints a 429 and tries again every 5 s until `--timeout`; it counts 404 as done; a 403
//! (the removal will never be safe) ends the drain of that pod at once. `retryAfterSeconds` stays unset.
//!
//! How to pass. Wait, or `kubectl stateful switchover`; with `onEviction: HandOver` the guard switches over by itself. As a
//! last resort `kubectl stateful guard approve`.

use std::sync::Arc;

use stateful_cluster::guard::eviction_records::EvictionRecord;
use stateful_cluster::inventory::{Model, PodFacts, PodPhase};
use stateful_safety::WorkloadId;

use crate::admission::request::AdmissionRequest;
use crate::evaluation::guarded_pod::{GuardedPod, PodLookup};

/// Finds the pod in the cache. The order matters: a removal that cannot harm a database passes first.
pub(crate) fn find(request: &AdmissionRequest, model: &Model) -> PodLookup {
    if !model.is_guarded(&request.namespace) {
        return PodLookup::Pass("its namespace is not guarded");
    }
    let Some(pod) = model.pod(&request.namespace, &request.name) else {
        return PodLookup::NotCached;
    };
    let wanted = request.pod_uid.as_ref();
    if wanted.is_some_and(|wanted| *wanted != pod.member.uid) {
        return PodLookup::Pass("another pod is meant: the API server answers 409");
    }
    let Some(set) = model.set_of(&request.namespace, pod) else {
        return PodLookup::Pass("it belongs to no database");
    };
    if pod.member.terminating {
        return PodLookup::Pass("it is being deleted already");
    }
    // Before the phase is checked: a pod that has not started yet would be recreated once more for nothing.
    if wanted.is_none() && has_moved(model, request, pod, &set.workload.id) {
        return PodLookup::Moved;
    }
    match pod.phase {
        PodPhase::Pending => return PodLookup::Pass("it has not started"),
        PodPhase::Ended => return PodLookup::Pass("it has ended"),
        PodPhase::Running => {}
    }
    PodLookup::Member(GuardedPod { set: Arc::clone(set), pod: Arc::clone(pod) })
}

/// `kubectl drain` asks again by name, without a UID. A StatefulSet's pod that was refused, moved, and was recreated under
/// its name on a node that is not drained would be evicted there too. This is such a pod when an eviction of its
/// predecessor was refused on a node that is cordoned or gone.
fn has_moved(model: &Model, request: &AdmissionRequest, pod: &PodFacts, id: &WorkloadId) -> bool {
    let stays = || pod.member.node.as_deref().is_none_or(|node| model.is_cordoned(node) == Some(false));
    let is_predecessor = |record: &EvictionRecord| {
        let left = record.node.as_deref().is_some_and(|node| model.is_cordoned(node) != Some(false));
        record.pod == request.name && record.uid != pod.member.uid && left
    };
    model.eviction_records(id).iter().any(is_predecessor) && stays()
}

#[cfg(test)]
mod tests;
