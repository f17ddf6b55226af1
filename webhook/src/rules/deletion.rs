//! Deletions of a guarded database's pods (`pods` DELETE).
//!
//! What it stops. `kubectl delete pod`, `kubectl drain --disable-eviction`, taints, preemption, Karpenter's and the
//! autoscaler's last resort, and a rolling update by the StatefulSet's own controller, whenever the judge would refuse
//! the same eviction.
//!
//! Why a budget is not enough. Deletions do not ask budgets at all.
//!
//! How kubectl drain takes it. It evicts, and evictions never come here; with `--disable-eviction` the first refusal ends
//! it.
//!
//! How to pass. Evict instead, or wait; the controller asks again by itself. As a last resort `kubectl stateful guard
//! approve`.

use std::sync::Arc;

use serde_json::Value;
use stateful_cluster::{Model, Phase};

use crate::admission_request::Attempt;
use crate::admission_response::{Answer, Code};
use crate::denial::Taking;
use crate::guard::Guard;
use crate::pod_removal::{Target, take};
use crate::rules::object_rules;

/// Controllers that clean up after something bigger is gone.
const CLEANERS: &[&str] = &[
    "system:serviceaccount:kube-system:namespace-controller",
    "system:serviceaccount:kube-system:generic-garbage-collector",
    "system:serviceaccount:kube-system:pod-garbage-collector",
];

/// Answers a deletion.
pub(crate) async fn decide(guard: &Guard, attempt: &Attempt) -> Answer {
    let found = find(&guard.known.inventory.model(), attempt);
    match found {
        Ok(Some(target)) => take(guard, attempt, &target, Taking::Deletion).await,
        Ok(None) => {
            guard.metrics.passed("deletion");
            let message =
                format!("{} has only just appeared and is not known yet; ask again in a moment", attempt.name);
            Answer::refuse(Code::Never, message, Vec::new())
        }
        Err(why) => {
            guard.metrics.passed("deletion");
            Answer::allow().noting("passed", why)
        }
    }
}

/// The member that would be deleted, `None` when it is one and not remembered yet, or why it is none of our business.
fn find(model: &Model, attempt: &Attempt) -> Result<Option<Target>, &'static str> {
    // Whoever runs the pod says that it has ended: refusing would leave it terminating for ever.
    if attempt.is_by("system:nodes") {
        return Err("the kubelet has ended it");
    }
    if attempt.old_object.as_ref().is_some_and(object_rules::is_going) {
        return Err("it is being deleted already");
    }
    let namespace = model.namespace(&attempt.namespace);
    if !namespace.is_some_and(stateful_cluster::NamespaceFacts::is_guarded) {
        return Err("its namespace is not guarded");
    }
    if namespace.is_some_and(|namespace| namespace.terminating) {
        return Err("its whole namespace is being deleted");
    }
    let Some(pod) = model.pod(&attempt.namespace, &attempt.name) else {
        return unremembered(model, attempt);
    };
    let wanted = attempt.options.pointer("/preconditions/uid").and_then(Value::as_str);
    if wanted.is_some_and(|wanted| wanted != pod.member.uid) {
        return Err("another pod is meant: the API server answers 409");
    }
    let Some(set) = model.set_of(&attempt.namespace, pod) else {
        return Err("it belongs to no database");
    };
    if set.terminating && CLEANERS.contains(&attempt.user.as_str()) {
        return Err("its StatefulSet is being deleted");
    }
    if pod.phase != Phase::Running {
        return Err("it does not run");
    }
    Ok(Some(Target { set: Arc::clone(set), pod: Arc::clone(pod) }))
}

/// A pod that is not remembered comes with the request: one that runs and belongs to a database is not let go unjudged.
fn unremembered(model: &Model, attempt: &Attempt) -> Result<Option<Target>, &'static str> {
    let runs = attempt.is_now("/status/phase").and_then(Value::as_str) == Some("Running");
    let mut owners = attempt.is_now("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten();
    let ours = |uid: &Value| model.sets_in(&attempt.namespace).any(|set| uid == set.workload.uid.as_str());
    if runs && owners.any(|owner| owner.get("uid").is_some_and(ours)) {
        Ok(None)
    } else {
        Err("it is no running member of a database")
    }
}

#[cfg(test)]
mod tests;
