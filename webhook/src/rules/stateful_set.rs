//! THINK. The StatefulSets of guarded databases (`statefulsets` CREATE, UPDATE and DELETE).
//!
//! What it stops. A retention policy that deletes the claims, when the StatefulSet is deleted or when it is scaled down:
//! it is changed to Retain, and refused where that change was skipped. And the deletion of a StatefulSet whose members
//! run, which ends all of them at once.
//!
//! Why a budget is not enough. Budgets speak of evictions. A StatefulSet's deletion takes its pods by the garbage
//! collector, claims go by owner reference, and nobody asks a budget about either.
//!
//! How kubectl drain takes it. It never comes here: it deletes no StatefulSet.
//!
//! How to pass. Keep Retain, and delete the claims you mean by name. A StatefulSet may be deleted with its pods left
//! alive (`--cascade=orphan`), once none of them runs (`kubectl scale --replicas=0`), or with its whole namespace.

use serde_json::{Value, json};
use stateful_cluster::{Model, Phase, SetFacts, runs_database};
use stateful_safety::{ConfigViolation, WorkloadId};

use crate::admission_request::{Attempt, Operation};
use crate::admission_response::Answer;
use crate::rules::object_rules;

/// When a claim may be deleted: the fields of the retention policy.
const FIELDS: [&str; 2] = ["whenDeleted", "whenScaled"];

/// Answers what is declared, and a deletion.
pub(crate) fn decide(attempt: &Attempt, model: &Model) -> Answer {
    if !object_rules::is_guarded(model, &attempt.namespace) {
        return Answer::allow();
    }
    if attempt.operation == Operation::Delete {
        return deletion(attempt, model);
    }
    let find = |object: &Option<Value>| object.as_ref().map(|object| losses(attempt, object)).unwrap_or_default();
    // One that was so before the guard came may still be labelled or scaled; it is told each time.
    let before = find(&attempt.old_object);
    let (told, refused): (Vec<ConfigViolation>, Vec<ConfigViolation>) = find(&attempt.object)
        .into_iter()
        .partition(|config_violation| before.iter().any(|before| config_violation.is_no_worse_than(before)));
    object_rules::answer(attempt, model, &about(attempt, model), &refused, &told)
}

/// Changes a retention policy that would delete claims.
pub(crate) fn retain(attempt: &Attempt, model: &Model) -> Answer {
    let Some(object) = attempt.object.as_ref().filter(|_| object_rules::is_guarded(model, &attempt.namespace)) else {
        return Answer::allow();
    };
    let flaws = losses(attempt, object);
    // Of one that is going only the finalizers still matter.
    if flaws.is_empty() || object_rules::is_going(object) {
        return Answer::allow();
    }
    let policy = json!({"whenDeleted": "Retain", "whenScaled": "Retain"});
    let field: &[&str] = &["spec", "persistentVolumeClaimRetentionPolicy"];
    object_rules::mended(attempt, model, &about(attempt, model), &flaws, vec![(field, policy)])
}

/// The fields by which a database's claims would go. Without a policy, or without a field, claims are kept; what is there
/// and does not say so may mean anything.
fn losses(attempt: &Attempt, object: &Value) -> Vec<ConfigViolation> {
    let policy = object.pointer("/spec/persistentVolumeClaimRetentionPolicy").unwrap_or(&Value::Null);
    if policy.is_null() || !runs_database(object) {
        return Vec::new();
    }
    let says = |field: &str| match policy {
        Value::Object(fields) => fields.get(field).unwrap_or(&Value::Null).clone(),
        unreadable => unreadable.clone(),
    };
    let keeps = |value: &Value| value.is_null() || value == "Retain";
    let lost = |(field, value): (&str, Value)| ConfigViolation::ClaimsNotKept {
        set: object_rules::name(attempt),
        field: field.to_owned(),
        says: value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned),
    };
    FIELDS.map(|field| (field, says(field))).into_iter().filter(|(_, value)| !keeps(value)).map(lost).collect()
}

/// A database that runs is not deleted. Who is asked: the object as it is, since a watch may be behind.
fn deletion(attempt: &Attempt, model: &Model) -> Answer {
    let old = attempt.old_object.as_ref();
    let remembered = model.set(&WorkloadId { namespace: attempt.namespace.clone(), name: object_rules::name(attempt) });
    let is_database = remembered.is_some() || old.is_some_and(runs_database);
    let is_going = old.is_some_and(object_rules::is_going);
    if !is_database || is_going || is_orphaning(attempt) || object_rules::is_ending(model, &attempt.namespace) {
        return Answer::allow();
    }
    let uid = attempt
        .is_now("/metadata/uid")
        .and_then(Value::as_str)
        .map(ToOwned::to_owned)
        .or(remembered.map(|set| set.workload.uid.clone()));
    let declared = attempt.is_now("/spec/replicas").and_then(Value::as_i64);
    if declared == Some(0) || (old.is_none() && remembered.is_some_and(|set| set.workload.replicas == 0)) {
        return Answer::allow();
    }
    let runs =
        |pod: &&stateful_cluster::PodFacts| pod.owner == uid && pod.phase == Phase::Running && !pod.member.terminating;
    let running = model.pods_in(&attempt.namespace).filter(runs).count();
    let config_violation =
        (running > 0).then(|| ConfigViolation::DatabaseRuns { set: object_rules::name(attempt), running });
    object_rules::answer(attempt, model, &about(attempt, model), config_violation.as_slice(), &[])
}

/// Whether the pods are to live on. `orphanDependents` is how it was said before 1.7, and still understood.
fn is_orphaning(attempt: &Attempt) -> bool {
    let option = |name: &str| attempt.options.get(name);
    match option("propagationPolicy").and_then(Value::as_str) {
        Some(policy) => policy == "Orphan",
        None => option("orphanDependents").and_then(Value::as_bool) == Some(true),
    }
}

/// The database, for whose policy is looked: as it was before this attempt, so that nobody relabels it out of one.
fn about(attempt: &Attempt, model: &Model) -> Vec<SetFacts> {
    let id = WorkloadId { namespace: attempt.namespace.clone(), name: object_rules::name(attempt) };
    let sent = || SetFacts::read(attempt.object.as_ref()?);
    model.set(&id).map(|set| set.as_ref().clone()).or_else(sent).into_iter().collect()
}

#[cfg(test)]
mod tests;
