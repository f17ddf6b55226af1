//! THINK. The StatefulSets of guarded databases (`statefulsets` CREATE, UPDATE and DELETE).
//!
//! What it stops. A retention policy that deletes the claims when the StatefulSet is deleted or scaled down: it is changed to
//! Retain, and refused where that change was skipped. And the deletion of a StatefulSet whose members run, which terminates
//! all of them at once.
//!
//! Why a budget is not enough. Budgets limit evictions. When a StatefulSet is deleted the garbage collector deletes its pods
//! and, by owner reference, its claims, and neither consults a budget.
//!
//! How kubectl drain takes it. It deletes no StatefulSet.
//!
//! How to pass. Keep Retain, and delete by name the claims that are no longer needed. A StatefulSet may be deleted with its
//! pods left running (`--cascade=orphan`), once none of them runs (`kubectl scale --replicas=0`), or with its whole namespace.

use serde_json::{Value, json};
use stateful_cluster::inventory;
use stateful_cluster::inventory::{Model, PodPhase, SetFacts};
use stateful_safety::{ConfigViolation, WorkloadId};

use crate::admission::request::{AdmissionRequest, Operation};
use crate::admission::response::AdmissionResponse;
use crate::rules::object_rules;

/// When a claim may be deleted: the fields of the retention policy.
const FIELDS: [&str; 2] = ["whenDeleted", "whenScaled"];

/// Evaluates a new or changed StatefulSet, and a deletion.
pub(crate) fn evaluate(request: &AdmissionRequest, model: &Model) -> AdmissionResponse {
    if !object_rules::is_guarded(model, &request.namespace) {
        return AdmissionResponse::allow();
    }
    if request.operation == Operation::Delete {
        return deletion(request, model);
    }
    let find =
        |object: &Option<Value>| object.as_ref().map(|object| losses(request, object, model)).unwrap_or_default();
    // A StatefulSet that had this policy before the guard was installed may still be labelled or scaled, with a warning.
    let before = find(&request.old_object);
    let (warned, refused): (Vec<ConfigViolation>, Vec<ConfigViolation>) = find(&request.object)
        .into_iter()
        .partition(|violation| before.iter().any(|before| violation.is_no_worse_than(before)));
    object_rules::respond(request, model, &about(request, model), &refused, &warned)
}

/// Changes a retention policy that would delete claims.
pub(crate) fn retain(request: &AdmissionRequest, model: &Model) -> AdmissionResponse {
    let Some(object) = request.object.as_ref().filter(|_| object_rules::is_guarded(model, &request.namespace)) else {
        return AdmissionResponse::allow();
    };
    let violations = losses(request, object, model);
    // Of a terminating StatefulSet only the finalizers still matter.
    if violations.is_empty() || object_rules::is_going(object) {
        return AdmissionResponse::allow();
    }
    let policy = json!({"whenDeleted": "Retain", "whenScaled": "Retain"});
    let field: &[&str] = &["spec", "persistentVolumeClaimRetentionPolicy"];
    object_rules::respond_with_fix(request, model, &about(request, model), &violations, vec![(field, policy)])
}

/// The fields of the retention policy that delete a database's claims. Without a policy, or without a field, claims are kept;
/// a value that is not Retain is taken to delete them.
fn losses(request: &AdmissionRequest, object: &Value, model: &Model) -> Vec<ConfigViolation> {
    let policy = object.pointer("/spec/persistentVolumeClaimRetentionPolicy").unwrap_or(&Value::Null);
    if policy.is_null() || !model.runs_database(object) {
        return Vec::new();
    }
    let says = |field: &str| match policy {
        Value::Object(fields) => fields.get(field).unwrap_or(&Value::Null).clone(),
        unreadable => unreadable.clone(),
    };
    let keeps = |value: &Value| value.is_null() || value == "Retain";
    let lost = |(field, value): (&str, Value)| ConfigViolation::ClaimsNotKept {
        set: object_rules::name(request),
        field: field.to_owned(),
        says: value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned),
    };
    FIELDS.map(|field| (field, says(field))).into_iter().filter(|(_, value)| !keeps(value)).map(lost).collect()
}

/// Refuses the deletion of a running database. The object in the request is read first, since the cache may be behind.
fn deletion(request: &AdmissionRequest, model: &Model) -> AdmissionResponse {
    let old = request.old_object.as_ref();
    let cached = model.set(&WorkloadId { namespace: request.namespace.clone(), name: object_rules::name(request) });
    let is_database = cached.is_some() || old.is_some_and(|old| model.runs_database(old));
    let is_going = old.is_some_and(object_rules::is_going);
    if !is_database || is_going || is_orphaning(request) || object_rules::is_ending(model, &request.namespace) {
        return AdmissionResponse::allow();
    }
    let uid = request
        .old_field("/metadata/uid")
        .and_then(Value::as_str)
        .map(ToOwned::to_owned)
        .or(cached.map(|set| set.workload.uid.clone()));
    let declared = request.old_field("/spec/replicas").and_then(Value::as_i64);
    if declared == Some(0) || (old.is_none() && cached.is_some_and(|set| set.workload.replicas == 0)) {
        return AdmissionResponse::allow();
    }
    let runs =
        |pod: &&inventory::PodFacts| pod.owner == uid && pod.phase == PodPhase::Running && !pod.member.terminating;
    let running = model.pods_in(&request.namespace).filter(runs).count();
    let violation = (running > 0).then(|| ConfigViolation::DatabaseRuns { set: object_rules::name(request), running });
    object_rules::respond(request, model, &about(request, model), violation.as_slice(), &[])
}

/// Whether the pods are left running. `orphanDependents` is the field of Kubernetes before 1.7; the API server still accepts it.
fn is_orphaning(request: &AdmissionRequest) -> bool {
    let option = |name: &str| request.options.get(name);
    match option("propagationPolicy").and_then(Value::as_str) {
        Some(policy) => policy == "Orphan",
        None => option("orphanDependents").and_then(Value::as_bool) == Some(true),
    }
}

/// The database whose policy applies: as it was before this request, so that the request cannot relabel it out of a policy.
fn about(request: &AdmissionRequest, model: &Model) -> Vec<SetFacts> {
    let id = WorkloadId { namespace: request.namespace.clone(), name: object_rules::name(request) };
    let sent = || model.read_set(request.object.as_ref()?);
    model.set(&id).map(|set| set.as_ref().clone()).or_else(sent).into_iter().collect()
}

#[cfg(test)]
mod tests;
