//! THINK. Deletions of a guarded database's pods (`pods` DELETE).
//!
//! What it stops. `kubectl delete pod`, `kubectl drain --disable-eviction`, taints, preemption, the last resort of Karpenter
//! and of the cluster autoscaler, and a rolling update by the StatefulSet's own controller, whenever the judge would refuse
//! the same eviction.
//!
//! Why a budget is not enough. Deletions do not consult budgets at all.
//!
//! How kubectl drain takes it. It evicts, and evictions are another rule's; with `--disable-eviction` the first refusal ends
//! the drain.
//!
//! How to pass. Evict instead, or wait; the controller tries again by itself. As a last resort `kubectl stateful guard
//! approve`.

use std::sync::Arc;

use serde_json::Value;
use stateful_cluster::inventory::{Model, NamespaceFacts, PodPhase};

use crate::admission::request::AdmissionRequest;
use crate::evaluation::guarded_pod::{GuardedPod, PodLookup};
use crate::rules::object_rules;

/// Controllers that clean up after a deleted StatefulSet or namespace.
const CLEANERS: &[&str] = &[
    "system:serviceaccount:kube-system:namespace-controller",
    "system:serviceaccount:kube-system:generic-garbage-collector",
    "system:serviceaccount:kube-system:pod-garbage-collector",
];

/// Finds the pod in the cache, or the reason why its deletion is not the guard's concern.
pub(crate) fn find(request: &AdmissionRequest, model: &Model) -> PodLookup {
    // The kubelet deletes a pod after its containers have ended: a refusal would leave it terminating for ever.
    if request.is_in_group("system:nodes") {
        return PodLookup::Pass("the kubelet has ended it");
    }
    if request.old_object.as_ref().is_some_and(object_rules::is_going) {
        return PodLookup::Pass("it is being deleted already");
    }
    let namespace = model.namespace(&request.namespace);
    if !namespace.is_some_and(NamespaceFacts::is_guarded) {
        return PodLookup::Pass("its namespace is not guarded");
    }
    if namespace.is_some_and(|namespace| namespace.terminating) {
        return PodLookup::Pass("its whole namespace is being deleted");
    }
    let Some(pod) = model.pod(&request.namespace, &request.name) else {
        return find_uncached(request, model);
    };
    let wanted = request.options.pointer("/preconditions/uid").and_then(Value::as_str);
    if wanted.is_some_and(|wanted| wanted != pod.member.uid) {
        return PodLookup::Pass("another pod is meant: the API server answers 409");
    }
    let Some(set) = model.set_of(&request.namespace, pod) else {
        return PodLookup::Pass("it belongs to no database");
    };
    if set.terminating && CLEANERS.contains(&request.user.as_str()) {
        return PodLookup::Pass("its StatefulSet is being deleted");
    }
    if pod.phase != PodPhase::Running {
        return PodLookup::Pass("it does not run");
    }
    PodLookup::Member(GuardedPod { set: Arc::clone(set), pod: Arc::clone(pod) })
}

/// A pod that the cache does not have comes with the request: one that runs and belongs to a database is not let go
/// unjudged.
fn find_uncached(request: &AdmissionRequest, model: &Model) -> PodLookup {
    let runs = request.old_field("/status/phase").and_then(Value::as_str) == Some("Running");
    let mut owners = request.old_field("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten();
    let is_database = |uid: &Value| model.sets_in(&request.namespace).any(|set| uid == set.workload.uid.as_str());
    if runs && owners.any(|owner| owner.get("uid").is_some_and(is_database)) {
        PodLookup::NotCached
    } else {
        PodLookup::Pass("it is no running member of a database")
    }
}

#[cfg(test)]
mod tests;
