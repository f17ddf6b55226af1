//! Evictions of a guarded database's pods (`pods/eviction` CREATE, both API versions).
//!
//! What it stops. Taking a primary, the last replica in sync, a second member, or anybody while replicas lag or nothing
//! is known.
//!
//! Why a budget is not enough. It counts Ready pods; it knows neither role nor lag, and two budgets on a pod answer 500.
//!
//! How kubectl drain takes it. 429 is printed and asked again every five seconds until `--timeout`; 404 counts as done;
//! 403 (nothing will ever make it safe) ends the drain of that pod at once. `retryAfterSeconds` stays unset.
//!
//! How to pass. Wait, or `kubectl stateful switchover`; with `onEviction: Switchover` the guard does that itself. As a last
//! resort `kubectl stateful guard approve`.

use std::sync::Arc;

use stateful_cluster::{Model, Phase, PodFacts};
use stateful_safety::WorkloadId;

use crate::admission_request::Attempt;
use crate::admission_response::{Answer, Code};
use crate::denial::Taking;
use crate::guard::Guard;
use crate::pod_removal::{Target, take};

/// What is known about the pod that is to be taken.
pub(crate) enum Found {
    /// It is none of our business; why.
    Pass(&'static str),
    /// The pod that was meant has moved; its successor under the same name is not meant.
    Moved,
    /// Nothing is remembered of a pod of that name.
    Unknown,
    /// It is a member of a guarded database.
    Member(Target),
}

/// Answers an eviction.
pub(crate) async fn decide(guard: &Guard, attempt: &Attempt) -> Answer {
    let found = find(&guard.known.inventory.model(), attempt);
    match found {
        Found::Pass(why) => {
            guard.metrics.passed("eviction");
            Answer::allow().noting("passed", why)
        }
        Found::Moved => {
            guard.metrics.passed("eviction");
            Answer::refuse(Code::Gone, format!("pods \"{}\" not found: it has moved", attempt.name), Vec::new())
        }
        Found::Member(target) => take(guard, attempt, &target, Taking::Eviction).await,
        // Boxed, as in `taking`: it is seldom needed, and large.
        Found::Unknown => Box::pin(unknown(guard, attempt)).await,
    }
}

/// A pod that is not remembered is gone, or has only just been made: the API server knows.
async fn unknown(guard: &Guard, attempt: &Attempt) -> Answer {
    guard.metrics.passed("eviction");
    match stateful_cluster::pod_uid(&guard.cluster, &attempt.namespace, &attempt.name).await {
        Ok(None) => Answer::refuse(Code::Gone, format!("pods \"{}\" not found", attempt.name), Vec::new()),
        Ok(Some(_)) | Err(_) => {
            let message =
                format!("{} has only just appeared and is not known yet; ask again in a moment", attempt.name);
            Answer::refuse(Code::NotNow, message, Vec::new())
        }
    }
}

/// Finds out whose pod it is. The order matters: what cannot hurt anybody passes at once.
fn find(model: &Model, attempt: &Attempt) -> Found {
    if !model.is_guarded(&attempt.namespace) {
        return Found::Pass("its namespace is not guarded");
    }
    let Some(pod) = model.pod(&attempt.namespace, &attempt.name) else {
        return Found::Unknown;
    };
    let wanted = attempt.evicts.as_ref();
    if wanted.is_some_and(|wanted| *wanted != pod.member.uid) {
        return Found::Pass("another pod is meant: the API server answers 409");
    }
    let Some(set) = model.set_of(&attempt.namespace, pod) else {
        return Found::Pass("it belongs to no database");
    };
    if pod.member.terminating {
        return Found::Pass("it is being deleted already");
    }
    // Before it has started, too: evicted then it would only have to be made once more.
    if wanted.is_none() && has_moved(model, attempt, pod, &set.workload.id) {
        return Found::Moved;
    }
    match pod.phase {
        Phase::Pending => return Found::Pass("it has not started"),
        Phase::Ended => return Found::Pass("it has ended"),
        Phase::Running => {}
    }
    Found::Member(Target { set: Arc::clone(set), pod: Arc::clone(pod) })
}

/// `kubectl drain` asks again by name, with no UID: a StatefulSet's pod that was refused, moved, and was reborn on a node
/// nobody empties would be evicted there. Somebody asked for its predecessor, on a node that is cordoned or gone.
fn has_moved(model: &Model, attempt: &Attempt, pod: &PodFacts, id: &WorkloadId) -> bool {
    let stays = || pod.member.node.as_deref().is_none_or(|node| model.is_cordoned(node) == Some(false));
    let predecessor = |promise: &stateful_cluster::EvictionRecord| {
        let left = promise.node.as_deref().is_some_and(|node| model.is_cordoned(node) != Some(false));
        promise.pod == attempt.name && promise.uid != pod.member.uid && left
    };
    model.promises(id).iter().any(predecessor) && stays()
}

#[cfg(test)]
mod tests;
