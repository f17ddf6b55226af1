//! TOUCH, eviction records alone. Writes a permission down before it is given, by compare-and-swap on one Lease a
//! workload, after judging once more on a fresh list of the pods; and writes down that a removal was refused.

use std::time::Duration;

use stateful_cluster::Error;
use stateful_cluster::discovery::workloads;
use stateful_cluster::guard::eviction_records::{EvictionRecord, EvictionRecords};
use stateful_cluster::locks::LeaseFacts;
use stateful_safety::{Reason, Workload};
use tokio::time::timeout;

use super::clock::Now;
use super::effective_policy::EffectivePolicy;
use super::guarded_pod::GuardedPod;
use super::member_reasons::{MemberQuery, collect_reasons};
use super::operation_lock::read_lock;
use super::reservations::{RESERVATION_LIFETIME, is_stale};
use super::state::GuardState;

/// How long writing a reservation may take. The API server waits 5 s for the whole response.
pub(crate) const RESERVE_WITHIN: Duration = Duration::from_secs(3);

/// How often a lost compare-and-swap is tried again. The winner's reservation usually makes the answer no.
const TRIES: usize = 4;

/// A request that is repeated is written down again after this, so that the leader knows that its caller still waits.
const RECORD_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Judges a removal with a lock and eviction records that were read just now.
pub(crate) fn judge_again(
    state: &GuardState,
    pod: &GuardedPod,
    policy: &EffectivePolicy,
    workload: &Workload,
    records: &[EvictionRecord],
    lock: Option<&LeaseFacts>,
) -> Vec<Reason> {
    let member = &pod.pod.member;
    let (set, pod, uid, now) = (&pod.set, member.name.as_str(), member.uid.as_str(), Now::read());
    collect_reasons(state, &MemberQuery { set, workload, pod, uid, policy, records, lock, now })
}

/// Writes the reservation, or returns the reasons why there is none.
pub(crate) async fn reserve(state: &GuardState, pod: &GuardedPod, policy: &EffectivePolicy) -> Vec<Reason> {
    let not_reserved = |why: String| vec![Reason::NotReserved { why }];
    let write_lock = state.write_lock(&pod.set.workload.id);
    let reserve = async {
        let _guard = write_lock.lock().await;
        for _ in 0..TRIES {
            match try_to_reserve(state, pod, policy).await {
                Err(Error::Conflict(_)) => {} // another replica wrote first: judge again with what it wrote
                Err(error) => return not_reserved(error.to_string()),
                Ok(reasons) => return reasons,
            }
        }
        not_reserved(format!("other replicas of the guard wrote first {TRIES} times"))
    };
    let late = || not_reserved(format!("it took longer than {} s", RESERVE_WITHIN.as_secs()));
    timeout(RESERVE_WITHIN, reserve).await.unwrap_or_else(|_| late())
}

async fn try_to_reserve(state: &GuardState, pod: &GuardedPod, policy: &EffectivePolicy) -> Result<Vec<Reason>, Error> {
    let id = &pod.set.workload.id;
    let mut records = EvictionRecords::read(&state.cluster, &pod.set.workload).await?;
    // Not from the cache: a watch may be behind, and here two replicas with different caches would both say yes.
    let workload = workloads::find(&state.cluster, id).await?;
    let workload = workload.ok_or_else(|| Error::NotFound(format!("{id} runs no database any more")))?;
    let lock = read_lock(state, id).await?;
    let reasons = judge_again(state, pod, policy, &workload, &records.entries, lock.as_ref());
    if !reasons.is_empty() {
        return Ok(reasons);
    }
    let now = Now::read().wall;
    records.entries.retain(|record| !is_stale(record, now));
    records.put(new_record(pod, true, false));
    records.write(&state.cluster, &pod.set.workload).await?;
    Ok(Vec::new())
}

/// Writes down that a removal was requested and refused. A drain that asks again by name after the pod has moved can then
/// be told so, and the leader learns that a primary is in the way. Best effort: the denial stands without it.
pub(crate) async fn record_request(state: &GuardState, pod: &GuardedPod, switches_over: bool) {
    let id = &pod.set.workload.id;
    let uid = &pod.pod.member.uid;
    let cached = state.inventory.model().eviction_records(id).to_vec();
    let now = Now::read().wall;
    let is_recorded = |record: &EvictionRecord| {
        let age = now.duration_since(record.at).unsigned_abs();
        // A permission that may still be used is not overwritten; its time may be by another machine's clock.
        let holds = record.granted && age < 3 * RESERVATION_LIFETIME;
        let repeats = !record.granted && record.switch_over == switches_over && age < RECORD_AGAIN_AFTER;
        &record.uid == uid && (holds || repeats)
    };
    if cached.iter().any(is_recorded) {
        return;
    }
    let write_lock = state.write_lock(id);
    let write = async {
        let _guard = write_lock.lock().await;
        let mut records = EvictionRecords::read(&state.cluster, &pod.set.workload).await?;
        if records.entries.iter().any(is_recorded) {
            return Ok(());
        }
        records.put(new_record(pod, false, switches_over));
        records.write(&state.cluster, &pod.set.workload).await
    };
    if let Ok(Err(error)) = timeout(RESERVE_WITHIN, write).await {
        tracing::debug!(workload = %id, %error, "the refused eviction could not be recorded");
    }
}

fn new_record(pod: &GuardedPod, granted: bool, switch_over: bool) -> EvictionRecord {
    let member = &pod.pod.member;
    EvictionRecord {
        pod: member.name.clone(),
        uid: member.uid.clone(),
        node: member.node.clone(),
        granted,
        switch_over,
        at: Now::read().wall,
        since: None,
    }
}
