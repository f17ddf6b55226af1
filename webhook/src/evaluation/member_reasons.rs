//! THINK. Asks the judge about one member, with everything the guard knows.

use stateful_cluster::guard::eviction_records::EvictionRecord;
use stateful_cluster::inventory::{Model, SetFacts};
use stateful_cluster::locks::{LeaseFacts, NEXT_POD};
use stateful_safety::{Disruption, JudgeInput, Reason, Workload, everyone_in_sync, judge};

use super::clock::Now;
use super::effective_policy::EffectivePolicy;
use super::observation::Observation;
use super::operation_lock::is_alive;
use super::reservations::find_absent;
use super::state::GuardState;

/// One question: may this pod be removed?
pub(crate) struct MemberQuery<'a> {
    pub(crate) set: &'a SetFacts,
    /// The workload with the members it has now.
    pub(crate) workload: &'a Workload,
    pub(crate) pod: &'a str,
    pub(crate) uid: &'a str,
    pub(crate) policy: &'a EffectivePolicy,
    pub(crate) records: &'a [EvictionRecord],
    /// The operation lock on the workload, if there is one.
    pub(crate) lock: Option<&'a LeaseFacts>,
    pub(crate) now: Now,
}

/// Collects every reason against removing the pod; none when the removal is safe.
pub(crate) fn collect_reasons(state: &GuardState, query: &MemberQuery<'_>) -> Vec<Reason> {
    let id = &query.set.workload.id;
    let all = state.observations();
    let observation = all.get(id);
    let mut reasons = operation_reasons(query, observation);
    let Some(assessment) = observation.and_then(|observation| observation.assessment.as_ref()) else {
        let failure = observation.and_then(|observation| observation.failure.clone());
        let why = failure.unwrap_or_else(|| "no observation of it has succeeded yet".to_owned());
        reasons.push(Reason::NotAssessed { why });
        return reasons;
    };
    let mut first_seen = state.first_seen();
    let absent = find_absent(query.workload, observation, query.records, &mut first_seen, query.now.steady, query.uid);
    drop(first_seen);
    let input = JudgeInput { workload: query.workload, assessment: Some(assessment), promised: &absent };
    let disruption = Disruption::Take { members: vec![query.pod.to_owned()] };
    let now = query.now.wall.as_millisecond();
    let policy = &query.policy.policy;
    reasons.extend(judge(policy, input, &disruption, now).reasons().iter().cloned());
    // No pod is removed while any other member is missing or lags, in whichever replica group. An operation checks the
    // same between two steps, and has already done so when it names a pod.
    let elsewhere = if is_next_pod(query) { Vec::new() } else { everyone_in_sync(policy, input, Some(query.pod), now) };
    reasons.extend(elsewhere.into_iter().filter(|reason| !reasons.contains(reason)).collect::<Vec<_>>());
    reasons
}

/// Whether an operation has named this very pod as the next to be evicted.
fn is_next_pod(query: &MemberQuery<'_>) -> bool {
    query
        .lock
        .is_some_and(|lock| lock.holder.is_some() && lock.notes.get(NEXT_POD).is_some_and(|next| next == query.uid))
}

/// While an operation holds the workload only the pod it names may be removed. An observation from before the lock last
/// changed may be from before a switchover.
fn operation_reasons(query: &MemberQuery<'_>, observation: Option<&Observation>) -> Vec<Reason> {
    let Some(lock) = query.lock else {
        return Vec::new();
    };
    let alive = is_alive(lock, query.now.wall);
    match &lock.holder {
        Some(holder) if alive && !is_next_pod(query) => vec![Reason::PlanInProgress { holder: holder.clone() }],
        Some(_) => Vec::new(),
        None => {
            let assessment = observation.and_then(|observation| observation.assessment.as_ref());
            let taken_at = assessment.map(|assessment| assessment.taken_at);
            let before = taken_at.is_some_and(|taken| taken < lock.seen_at.as_millisecond());
            let why = "an operation on it has only just ended".to_owned();
            if before { vec![Reason::NotAssessed { why }] } else { Vec::new() }
        }
    }
}

/// The same, from the cache alone. `pod` is the pod's name and UID.
pub(crate) fn reasons_from_cache(
    state: &GuardState,
    model: &Model,
    set: &SetFacts,
    pod: (&str, &str),
    policy: &EffectivePolicy,
    now: Now,
) -> Vec<Reason> {
    let id = &set.workload.id;
    let Some(workload) = model.workload(id) else {
        return vec![Reason::NotAMember { member: pod.0.to_owned() }];
    };
    let (records, lock) = (model.eviction_records(id), model.operation_lock(id));
    let (pod, uid) = pod;
    collect_reasons(state, &MemberQuery { set, workload: &workload, pod, uid, policy, records, lock, now })
}
