//! THINK. `PodDisruptionBudget`s over a guarded database's pods (`poddisruptionbudgets` CREATE and UPDATE, both API versions).
//!
//! What it stops. A budget that selects pods another budget selects already, that never lets a pod go, that lets a majority
//! go at once, or that cannot be parsed. What is merely unwise is answered with a warning: the budget selects no pod, or two
//! databases, or keeps broken pods. An existing budget may be changed as long as it does not get worse, and may always be
//! deleted. The guard's own default budget does not count as another: it is deleted when another one appears.
//! Two overlapping budgets created at the same instant both pass: neither is in the cache yet.
//!
//! Why a budget is not enough. Budgets are what is judged here: the API server accepts any, and the mistake shows in the
//! middle of the next drain. AKS refuses an upgrade while a budget lets no pod go, in whatever pool its pods run.
//!
//! How kubectl drain takes it. It creates no budget. What is stopped would have met it as 500 (two budgets), or as 429 for
//! ever (no pod may go).
//!
//! How to pass. One budget a database, `maxUnavailable: 1`, `unhealthyPodEvictionPolicy: AlwaysAllow`.

use serde_json::Value;
use stateful_cluster::budget::Budget;
use stateful_cluster::guard::default_pdb;
use stateful_cluster::inventory::{Model, PodFacts, PodPhase, SetFacts};
use stateful_cluster::metadata::Labels;
use stateful_safety::ConfigViolation;

use crate::admission::request::AdmissionRequest;
use crate::admission::response::AdmissionResponse;
use crate::rules::object_rules;

/// A database, and how many of its pods a budget selects when all of them exist.
struct Covered<'a> {
    set: &'a SetFacts,
    pods: i64,
}

/// Evaluates a new or changed budget.
pub(crate) fn evaluate(request: &AdmissionRequest, model: &Model) -> AdmissionResponse {
    if !object_rules::is_guarded(model, &request.namespace) {
        return AdmissionResponse::allow();
    }
    let name = object_rules::name(request);
    let find = |object: &Option<Value>| {
        object.as_ref().map(|object| find_violations(object, &name, model, &request.namespace)).unwrap_or_default()
    };
    let (now, about) = find(&request.object);
    let (before, _) = find(&request.old_object);
    let is_new = |violation: &ConfigViolation| !before.iter().any(|before| violation.is_no_worse_than(before));
    let (refused, warned): (Vec<ConfigViolation>, Vec<ConfigViolation>) =
        now.into_iter().partition(|violation| violation.is_refused() && is_new(violation));
    object_rules::respond(request, model, &about, &refused, &warned)
}

/// Finds what is wrong with a budget, and the databases whose pods it selects.
fn find_violations(
    object: &Value,
    name: &str,
    model: &Model,
    namespace: &str,
) -> (Vec<ConfigViolation>, Vec<SetFacts>) {
    let named = || name.to_owned();
    let budget = match Budget::read(object) {
        Ok(budget) => budget,
        Err(error) => {
            return (vec![ConfigViolation::BudgetUnreadable { budget: named(), why: error.to_string() }], Vec::new());
        }
    };
    let covered = covered(&budget, model, namespace);
    let other_pods = other_pods(&budget, model, namespace);
    if covered.is_empty() {
        let nothing = (other_pods == 0).then(|| ConfigViolation::SelectsNothing { budget: named() });
        return (nothing.into_iter().collect(), Vec::new());
    }
    let mut violations = overlaps(&budget, name, &covered, model, namespace);
    violations.extend(too_few_or_too_many(&budget, name, &covered, other_pods));
    if covered.len() > 1 {
        let databases = covered.iter().map(|one| one.set.workload.id.name.clone()).collect();
        violations.push(ConfigViolation::SharedBudget { budget: named(), databases });
    }
    if object.pointer("/spec/unhealthyPodEvictionPolicy").and_then(Value::as_str) != Some("AlwaysAllow") {
        violations.push(ConfigViolation::BrokenPodsKept { budget: named() });
    }
    (violations, covered.iter().map(|one| one.set.clone()).collect())
}

/// The databases whose pods a budget selects: pods that exist, and pods that the StatefulSet would create.
fn covered<'a>(budget: &Budget, model: &'a Model, namespace: &str) -> Vec<Covered<'a>> {
    let mut found: Vec<Covered<'a>> = Vec::new();
    for set in model.sets_in(namespace) {
        let declared = i64::try_from(set.workload.replicas).unwrap_or(i64::MAX);
        let there = members(model, namespace, set).filter(|pod| budget.selects(&labels(pod))).count();
        let selects_template = budget.selects(&set.pod_labels);
        if selects_template || there > 0 {
            let pods = if selects_template { declared } else { i64::try_from(there).unwrap_or(i64::MAX).min(declared) };
            found.push(Covered { set, pods });
        }
    }
    found.sort_by(|one, other| one.set.workload.id.cmp(&other.set.workload.id));
    found
}

/// How many pods of no database the budget selects as well.
fn other_pods(budget: &Budget, model: &Model, namespace: &str) -> i64 {
    let is_alive = |pod: &&PodFacts| pod.phase != PodPhase::Ended && !pod.member.terminating;
    let pods = model.pods_in(namespace).filter(is_alive).filter(|pod| model.set_of(namespace, pod).is_none());
    i64::try_from(pods.filter(|pod| budget.selects(&labels(pod))).count()).unwrap_or(i64::MAX)
}

fn overlaps(
    budget: &Budget,
    name: &str,
    covered: &[Covered<'_>],
    model: &Model,
    namespace: &str,
) -> Vec<ConfigViolation> {
    let mut others: Vec<&Budget> = model.budgets_in(namespace).filter(|other| other.name != name).collect();
    others.sort_by(|one, other| one.name.cmp(&other.name));
    let counts = |other: &&Budget, set: &SetFacts| {
        let both = |labels: &Labels| budget.selects(labels) && other.selects(labels);
        both(&set.pod_labels) || members(model, namespace, set).any(|pod| both(&labels(pod)))
    };
    let overlap = |other: &Budget| {
        let database = &covered.iter().find(|one| counts(&other, one.set))?.set.workload.id.name;
        let gives_way = other.name == default_pdb::name_of(database);
        (!gives_way).then(|| ConfigViolation::BudgetsOverlap {
            budget: name.to_owned(),
            other: other.name.clone(),
            database: database.clone(),
        })
    };
    others.into_iter().filter_map(overlap).collect()
}

/// How many pods a budget lets go when all are there, and whether that is none or a majority of a database.
fn too_few_or_too_many(budget: &Budget, name: &str, covered: &[Covered<'_>], other_pods: i64) -> Vec<ConfigViolation> {
    let replicas = |one: &Covered<'_>| i64::try_from(one.set.workload.replicas).unwrap_or(i64::MAX);
    let pods = covered.iter().map(|one| one.pods).fold(other_pods, i64::saturating_add);
    let scale = covered.iter().map(replicas).fold(other_pods, i64::saturating_add);
    if pods == 0 {
        return Vec::new(); // no pods are declared, so the budget blocks nothing
    }
    let (go, says) = (pods.saturating_sub(budget.terms.must_stay(pods, scale)), budget.terms.to_string());
    if go <= 0 {
        return vec![ConfigViolation::NeverDrainable { budget: name.to_owned(), says, pods }];
    }
    let lost = |one: &Covered<'_>| {
        let (replicas, gone) = (replicas(one), go.min(one.pods));
        let (left, needed) = (replicas - gone, replicas / 2 + 1);
        let database = one.set.workload.id.name.clone();
        // Of two members one is no majority: which of them may go is for the judge alone.
        (replicas >= 3 && left < needed).then(|| ConfigViolation::MajorityLost {
            budget: name.to_owned(),
            says: says.clone(),
            database,
            left,
            needed,
        })
    };
    covered.iter().filter_map(lost).collect()
}

fn members<'a>(model: &'a Model, namespace: &str, set: &SetFacts) -> impl Iterator<Item = &'a PodFacts> {
    model.pods_in(namespace).filter(move |pod| pod.owner.as_ref() == Some(&set.workload.uid))
}

/// A pod's labels, with the two that differ from pod to pod and are not in the cache: a budget may select by them.
fn labels(pod: &PodFacts) -> Labels {
    let name = &pod.member.name;
    let mut labels = (*pod.labels).clone();
    labels.insert("statefulset.kubernetes.io/pod-name".to_owned(), name.clone());
    if let Some((_, ordinal)) = name.rsplit_once('-') {
        labels.insert("apps.kubernetes.io/pod-index".to_owned(), ordinal.to_owned());
    }
    labels
}

#[cfg(test)]
mod tests;
