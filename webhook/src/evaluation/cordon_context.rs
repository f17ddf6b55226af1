//! LOOK. What a node rule is given: the databases' operation locks and the judge's reasons, first from the cache, and
//! once more with locks read from the API server before a cordon is denied.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use stateful_cluster::inventory::{Model, PodFacts, SetFacts};
use stateful_cluster::locks::LeaseFacts;
use stateful_safety::{Reason, WorkloadId};
use tokio::time::timeout;

use super::clock::Now;
use super::effective_policy::EffectivePolicy;
use super::member_reasons::reasons_from_cache;
use super::operation_lock::read_lock;
use super::outcome::Evaluation;
use super::state::GuardState;
use crate::admission::request::AdmissionRequest;
use crate::admission::response::{AdmissionResponse, Decision};

/// How long reading the operation locks of a node's databases may take. The API server waits 2 s for the whole response.
const READ_LOCKS_WITHIN: Duration = Duration::from_secs(1);

/// What a node rule decides on.
pub(crate) struct NodeContext<'a> {
    /// The cached objects.
    pub(crate) model: &'a Model,
    /// The operation lock on a database, if there is one.
    pub(crate) lock: &'a dyn Fn(&WorkloadId) -> Option<LeaseFacts>,
    /// The moment of the request.
    pub(crate) now: Timestamp,
    /// Asks the judge: every reason against removing a member.
    pub(crate) reasons: &'a dyn Fn(&SetFacts, &PodFacts, &EffectivePolicy) -> Vec<Reason>,
}

/// A node rule.
pub(crate) type NodeRule = fn(&AdmissionRequest, &NodeContext<'_>) -> AdmissionResponse;

/// Evaluates a node rule from the cache. Before a denial the locks are read from the API server: an operation may have
/// taken them a moment ago, and the watch may not have told yet.
pub(crate) async fn evaluate(state: &GuardState, rule: NodeRule, request: &AdmissionRequest) -> Evaluation {
    let mut response = evaluate_with(state, rule, request, &HashMap::new());
    if let Decision::Refuse(_) = response.decision {
        let reading = Box::pin(read_locks(state, &request.name));
        let locks = timeout(READ_LOCKS_WITHIN, reading).await.unwrap_or_default();
        response = evaluate_with(state, rule, request, &locks);
    }
    Evaluation::of_response(response)
}

/// The operation locks on the databases of a node, from the API server.
async fn read_locks(state: &GuardState, node: &str) -> HashMap<WorkloadId, LeaseFacts> {
    let ids: HashSet<WorkloadId> = {
        let model = state.inventory.model();
        model.guarded_pods_on(node).into_iter().map(|(_, _, set)| set.workload.id.clone()).collect()
    };
    let read = join_all(ids.into_iter().map(async |id| {
        let lock = read_lock(state, &id).await.ok().flatten()?;
        Some((id, lock))
    }));
    read.await.into_iter().flatten().collect()
}

fn evaluate_with(
    state: &GuardState,
    rule: NodeRule,
    request: &AdmissionRequest,
    locks: &HashMap<WorkloadId, LeaseFacts>,
) -> AdmissionResponse {
    let model = state.inventory.model();
    let now = Now::read();
    let lock = |id: &WorkloadId| locks.get(id).or_else(|| model.operation_lock(id)).cloned();
    let reasons = |set: &SetFacts, pod: &PodFacts, policy: &EffectivePolicy| {
        reasons_from_cache(state, &model, set, (&pod.member.name, &pod.member.uid), policy, now)
    };
    rule(request, &NodeContext { model: &model, lock: &lock, now: now.wall, reasons: &reasons })
}
