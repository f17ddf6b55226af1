//! Evaluates the eviction or deletion of a database's pod: exempt user, approval, the judge's reasons from the cache, and
//! last the reservation, which makes the permission visible to every replica before it is given.
//!
//! Calls to the API server are boxed: their futures take tens of kilobytes, and most evaluations never need them.

use stateful_cluster::discovery::pods;
use stateful_cluster::guard::approval::Approval;
use stateful_cluster::guard::policy::{Mode, OnEviction};
use stateful_safety::Reason;
use tokio::time::timeout;

use super::clock::Now;
use super::denial;
use super::effective_policy::EffectivePolicy;
use super::guarded_pod::{GuardedPod, PodLookup, RemovalKind};
use super::member_reasons::reasons_from_cache;
use super::operation_lock::read_lock;
use super::outcome::{Evaluation, PodDecision, RuleOutcome};
use super::reserve::{RESERVE_WITHIN, judge_again, record_request, reserve};
use super::state::GuardState;
use crate::admission::request::AdmissionRequest;
use crate::admission::response::{AdmissionResponse, DenialCode};

/// Evaluates a removal, given what the rule found in the cache.
pub(crate) async fn evaluate(
    state: &GuardState,
    request: &AdmissionRequest,
    lookup: PodLookup,
    kind: RemovalKind,
) -> Evaluation {
    match lookup {
        PodLookup::Pass(why) => Evaluation::not_judged(AdmissionResponse::allow().with_audit("passed", why)),
        PodLookup::Moved => {
            let message = format!("pods \"{}\" not found: it has moved", request.name);
            Evaluation::not_judged(AdmissionResponse::refuse(DenialCode::Gone, message, Vec::new()))
        }
        PodLookup::NotCached => Box::pin(evaluate_not_cached(state, request, kind)).await,
        PodLookup::Member(pod) => evaluate_member(state, request, pod, kind).await,
    }
}

/// A pod that the cache does not have is gone or has only just been created. An eviction carries no object, so the API
/// server is asked; the rule for deletions has already looked at the object in the request.
async fn evaluate_not_cached(state: &GuardState, request: &AdmissionRequest, kind: RemovalKind) -> Evaluation {
    let name = &request.name;
    let too_young = format!("the guard's cache does not have the pod {name} yet; try again in a moment");
    let response = match kind {
        RemovalKind::Deletion => AdmissionResponse::refuse(DenialCode::Never, too_young, Vec::new()),
        RemovalKind::Eviction => match pods::find_uid(&state.cluster, &request.namespace, name).await {
            Ok(None) => AdmissionResponse::refuse(DenialCode::Gone, format!("pods \"{name}\" not found"), Vec::new()),
            Ok(Some(_)) | Err(_) => AdmissionResponse::refuse(DenialCode::NotNow, too_young, Vec::new()),
        },
    };
    Evaluation::not_judged(response)
}

async fn evaluate_member(
    state: &GuardState,
    request: &AdmissionRequest,
    pod: GuardedPod,
    kind: RemovalKind,
) -> Evaluation {
    let policy = EffectivePolicy::resolve(&state.inventory.model(), &pod.set);
    if policy.exempt.contains(&request.user) {
        let response = AdmissionResponse::allow().with_audit("exempt", request.user.clone());
        let decision = PodDecision { pod, kind, reasons: Vec::new() };
        return Evaluation::of_member(response, RuleOutcome::Exempt, decision);
    }
    let now = Now::read();
    let approval = pod.pod.approval.as_deref().and_then(Approval::read);
    if let Some(approval) = approval.filter(|approval| approval.is_valid(&pod.pod.member.uid, now.wall)) {
        let note = format!("by {} until {}: {}", approval.by, approval.until, approval.reason);
        let response = AdmissionResponse::allow().with_audit("approved", note);
        let decision = PodDecision { pod, kind, reasons: Vec::new() };
        return Evaluation::of_member(response, RuleOutcome::Approved, decision);
    }
    let reasons = match check_cache(state, &pod, &policy, now).await {
        reasons if !reasons.is_empty() => reasons,
        _ if request.dry_run => Vec::new(),
        _ => Box::pin(reserve(state, &pod, &policy)).await,
    };
    if reasons.is_empty() {
        let decision = PodDecision { pod, kind, reasons };
        return Evaluation::of_member(AdmissionResponse::allow(), RuleOutcome::Allowed, decision);
    }
    let switches_over = policy.on_eviction == OnEviction::Switchover
        && policy.mode == Mode::Enforce
        && reasons.iter().any(|reason| matches!(reason, Reason::PrimaryTaken { .. }))
        && !denial::is_kept_from_switchover(&reasons);
    if !request.dry_run && policy.mode == Mode::Enforce {
        Box::pin(record_request(state, &pod, switches_over)).await;
    }
    respond(pod, kind, reasons, policy.mode, switches_over)
}

/// Turns reasons into a denial, a warning or a note in the audit log, as the policy's mode says.
fn respond(pod: GuardedPod, kind: RemovalKind, reasons: Vec<Reason>, mode: Mode, switches_over: bool) -> Evaluation {
    let codes = reasons.iter().map(Reason::code).collect::<Vec<_>>().join(",");
    let message = denial::message(&pod, kind, &reasons, switches_over);
    let (outcome, response) = match mode {
        Mode::Enforce => {
            let never = kind == RemovalKind::Deletion || denial::is_permanent(&reasons);
            let code = if never { DenialCode::Never } else { DenialCode::NotNow };
            (RuleOutcome::Refused, AdmissionResponse::refuse(code, message, denial::causes(&reasons)))
        }
        Mode::Warn => {
            (RuleOutcome::Warned, AdmissionResponse { warnings: vec![message], ..AdmissionResponse::allow() })
        }
        Mode::Audit => (RuleOutcome::Audited, AdmissionResponse::allow()),
    };
    Evaluation::of_member(response.with_audit("reasons", codes), outcome, PodDecision { pod, kind, reasons })
}

/// Reasons against the removal from the cache. When a running operation stands in the way, its lock is read from the API
/// server: it may have named this very pod a moment ago.
async fn check_cache(state: &GuardState, pod: &GuardedPod, policy: &EffectivePolicy, now: Now) -> Vec<Reason> {
    let member = &pod.pod.member;
    let reasons = {
        let model = state.inventory.model();
        reasons_from_cache(state, &model, &pod.set, (&member.name, &member.uid), policy, now)
    };
    if !reasons.iter().any(|reason| matches!(reason, Reason::PlanInProgress { .. })) {
        return reasons;
    }
    let id = &pod.set.workload.id;
    let Ok(Ok(lock)) = timeout(RESERVE_WITHIN, Box::pin(read_lock(state, id))).await else {
        return reasons;
    };
    let (workload, records) = {
        let model = state.inventory.model();
        (model.workload(id), model.eviction_records(id).to_vec())
    };
    let Some(workload) = workload else { return reasons };
    judge_again(state, pod, policy, &workload, &records, lock.as_ref())
}
