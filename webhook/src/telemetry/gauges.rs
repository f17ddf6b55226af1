//! LOOK. The gauges, set at each scrape from the cache and the newest observations.

use std::collections::HashMap;

use jiff::Timestamp;
use stateful_cluster::guard::eviction_records::EvictionRecord;
use stateful_cluster::inventory::{Model, SetFacts};
use stateful_safety::{Assessment, Reason, Role, Sync, WorkloadId};

use crate::evaluation::clock::Now;
use crate::evaluation::effective_policy::EffectivePolicy;
use crate::evaluation::observation::Observation;
use crate::evaluation::operation_lock::is_alive;
use crate::evaluation::reservations::FirstSeen;
use crate::evaluation::state::GuardState;
use crate::telemetry::metrics::{ConditionLabels, Gauges, MemberLabels, WorkloadLabels};

/// Sets every gauge to its value now. Gauges of databases and members that are gone disappear.
pub(crate) fn set_all(gauges: &Gauges, state: &GuardState, certificate_ends: Option<Timestamp>) {
    let model = state.inventory.model();
    gauges.synced.set(i64::from(state.inventory.is_synced()));
    gauges.certificate_expires.set(certificate_ends.map_or(0.0, seconds));
    // A copy, so that evictions that arrive meanwhile do not wait for the lock.
    let first_seen = state.first_seen().clone();
    set_databases(gauges, &model, &state.observations(), &first_seen, Now::read());
}

/// Sets the gauges about databases. `first_seen` is when this process first saw each reservation, by pod UID.
fn set_databases(
    gauges: &Gauges,
    model: &Model,
    observations: &HashMap<WorkloadId, Observation>,
    first_seen: &HashMap<String, FirstSeen>,
    now: Now,
) {
    gauges.clear();
    gauges.pods.set(count(model.pod_count()));
    let sets = model.guarded_sets();
    gauges.workloads.set(count(sets.len()));
    let mut reserved = 0;
    for set in sets {
        let id = &set.workload.id;
        let labels = WorkloadLabels { namespace: id.namespace.clone(), workload: id.name.clone() };
        set_workload(gauges, &labels, model, set, now);
        if let Some(assessment) = observations.get(id).and_then(|observation| observation.assessment.as_ref()) {
            set_assessment(gauges, &labels, assessment, now.wall);
        }
        let is_there = |record: &&EvictionRecord| {
            model.pod(&id.namespace, &record.pod).is_some_and(|pod| pod.member.uid == record.uid)
        };
        let counts = |record: &EvictionRecord| {
            first_seen.get(&record.uid).is_none_or(|seen| !seen.is_expired(record, now.steady))
        };
        for record in model.eviction_records(id).iter().filter(is_there) {
            if !record.granted {
                set_waiting(gauges, &labels, model, record);
            } else if counts(record) {
                reserved += 1;
            }
        }
    }
    gauges.promises.set(reserved);
}

/// Sets what is known of every guarded database, whether its servers answer or not.
fn set_workload(gauges: &Gauges, labels: &WorkloadLabels, model: &Model, set: &SetFacts, now: Now) {
    let id = &set.workload.id;
    let lock = model.operation_lock(id);
    let busy = lock.is_some_and(|lock| lock.holder.is_some() && is_alive(lock, now.wall));
    gauges.in_operation.get_or_create(labels).set(i64::from(busy));
    let limit = EffectivePolicy::resolve(model, set).policy.max_lag_bytes;
    gauges.lag_limit.get_or_create(labels).set(i64::try_from(limit).unwrap_or(i64::MAX));
    gauges.members.get_or_create(labels).set(count(set.workload.replicas));
    let Some(workload) = model.workload(id) else { return };
    gauges.members_absent.get_or_create(labels).set(count(workload.absent().len()));
    let nodes = workload.members.iter().filter_map(|member| member.node.as_deref());
    let cordoned = nodes.filter(|node| model.is_cordoned(node) == Some(true)).count();
    gauges.members_on_cordoned.get_or_create(labels).set(count(cordoned));
}

/// Sets since when a refused eviction waits. Without a cordon it was a single request, and no drain waits for it.
fn set_waiting(gauges: &Gauges, labels: &WorkloadLabels, model: &Model, record: &EvictionRecord) {
    if record.node.as_deref().is_some_and(|node| model.is_cordoned(node) == Some(true)) {
        gauges
            .waiting_since
            .get_or_create(&member(labels, &record.pod))
            .set(seconds(record.since.unwrap_or(record.at)));
    }
}

/// Sets what the newest observation of a database says.
fn set_assessment(gauges: &Gauges, labels: &WorkloadLabels, assessment: &Assessment, now: Timestamp) {
    let age = now.as_millisecond().saturating_sub(assessment.taken_at);
    gauges.assessment_age.get_or_create(labels).set(seconds(Timestamp::from_millisecond(age).unwrap_or_default()));
    gauges.groups.get_or_create(labels).set(count(assessment.groups.len()));
    let without_primary = assessment.groups.iter().filter(|group| group.lacks_primary()).count();
    gauges.primaries_missing.get_or_create(labels).set(count(without_primary));
    let members = || assessment.groups.iter().flat_map(|group| &group.members);
    let away = members().filter(|member| !member.sync.is_streaming()).count();
    gauges.members_away.get_or_create(labels).set(count(away));
    let missing = assessment.quorums.iter().map(|body| body.needed.saturating_sub(body.live.len())).sum();
    gauges.voters_missing.get_or_create(labels).set(count(missing));
    for blocker in assessment.blockers_of_moves() {
        let reason = Reason::Blocked(blocker.clone()).code();
        let (namespace, workload) = (labels.namespace.clone(), labels.workload.clone());
        gauges.blockers.get_or_create(&ConditionLabels { namespace, workload, reason }).inc();
    }
    for state in members().filter(|member| matches!(member.role, Role::Replica | Role::Peer)) {
        let labels = member(labels, &state.name);
        if let Sync::InSync { lag_bytes } = state.sync {
            gauges.lag.get_or_create(&labels).set(i64::try_from(lag_bytes).unwrap_or(i64::MAX));
        }
        if let Some(lag) = state.lag_seconds {
            gauges.lag_seconds.get_or_create(&labels).set(i64::try_from(lag).unwrap_or(i64::MAX));
        }
    }
}

fn member(labels: &WorkloadLabels, name: &str) -> MemberLabels {
    let WorkloadLabels { namespace, workload } = labels.clone();
    MemberLabels { namespace, workload, member: name.to_owned() }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Seconds since 1970, with their fraction.
fn seconds(at: Timestamp) -> f64 {
    std::time::Duration::from_millis(u64::try_from(at.as_millisecond()).unwrap_or(0)).as_secs_f64()
}

#[cfg(test)]
mod tests;
