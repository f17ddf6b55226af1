//! LOOK. What is so at the moment of a scrape, from what is known.

use std::collections::HashMap;

use jiff::Timestamp;
use stateful_cluster::{EvictionRecord, Model, SetFacts};
use stateful_safety::{Assessment, Reason, Role, Sync, WorkloadId};

use crate::effective_policy::effective_policy;
use crate::evaluation::{Now, lives};
use crate::guard::Guard;
use crate::metrics::{ConditionLabels, Gauges, MemberLabels, WorkloadLabels};
use crate::reservations::Sighting;
use crate::state::Seen;

/// Sets every gauge anew, so that what is gone is gone.
pub(crate) fn set(guard: &Guard, certificate_ends: Option<Timestamp>) {
    let gauges = &guard.metrics.gauges;
    let model = guard.known.inventory.model();
    gauges.synced.set(i64::from(guard.known.inventory.is_synced()));
    gauges.certificate_expires.set(certificate_ends.map_or(0.0, seconds));
    // A copy: evictions that come in meanwhile need it.
    let sightings = guard.known.promised().clone();
    of_databases(gauges, &model, &guard.known.seen(), &sightings, Guard::now());
}

/// Sets what there is to say about the databases. `sightings` are this process's of the promises, by pod UID.
fn of_databases(
    gauges: &Gauges,
    model: &Model,
    seen: &HashMap<WorkloadId, Seen>,
    sightings: &HashMap<String, Sighting>,
    now: Now,
) {
    gauges.clear();
    gauges.pods.set(count(model.pod_count()));
    let sets = model.guarded_sets();
    gauges.workloads.set(count(sets.len()));
    let mut promised = 0;
    for set in sets {
        let id = &set.workload.id;
        let labels = WorkloadLabels { namespace: id.namespace.clone(), workload: id.name.clone() };
        of_workload(gauges, &labels, model, set, now);
        if let Some(assessment) = seen.get(id).and_then(|seen| seen.assessment.as_ref()) {
            of_assessment(gauges, &labels, assessment, now.wall);
        }
        let is_there = |promise: &&EvictionRecord| {
            model.pod(&id.namespace, &promise.pod).is_some_and(|pod| pod.member.uid == promise.uid)
        };
        let counts = |promise: &EvictionRecord| {
            sightings.get(&promise.uid).is_none_or(|sighting| !sighting.is_void(promise, now.steady))
        };
        for promise in model.promises(id).iter().filter(is_there) {
            if !promise.granted {
                of_waiting(gauges, &labels, model, promise);
            } else if counts(promise) {
                promised += 1;
            }
        }
    }
    gauges.promises.set(promised);
}

/// What is so of every guarded database, whether it answers or not.
fn of_workload(gauges: &Gauges, labels: &WorkloadLabels, model: &Model, set: &SetFacts, now: Now) {
    let id = &set.workload.id;
    let claim = model.claim(id);
    let busy = claim.is_some_and(|claim| claim.holder.is_some() && lives(claim, now.wall));
    gauges.in_operation.get_or_create(labels).set(i64::from(busy));
    let limit = effective_policy(model, set).policy.max_lag_bytes;
    gauges.lag_limit.get_or_create(labels).set(i64::try_from(limit).unwrap_or(i64::MAX));
    gauges.members.get_or_create(labels).set(count(set.workload.replicas));
    let Some(workload) = model.workload(id) else { return };
    gauges.members_absent.get_or_create(labels).set(count(workload.absent().len()));
    let nodes = workload.members.iter().filter_map(|member| member.node.as_deref());
    let cordoned = nodes.filter(|node| model.is_cordoned(node) == Some(true)).count();
    gauges.members_on_cordoned.get_or_create(labels).set(count(cordoned));
}

/// Somebody asked for a member and was refused. Without a cordon it was one attempt, and nobody waits.
fn of_waiting(gauges: &Gauges, labels: &WorkloadLabels, model: &Model, promise: &EvictionRecord) {
    if promise.node.as_deref().is_some_and(|node| model.is_cordoned(node) == Some(true)) {
        gauges
            .waiting_since
            .get_or_create(&member(labels, &promise.pod))
            .set(seconds(promise.since.unwrap_or(promise.at)));
    }
}

/// What a database's servers said.
fn of_assessment(gauges: &Gauges, labels: &WorkloadLabels, assessment: &Assessment, now: Timestamp) {
    let age = now.as_millisecond().saturating_sub(assessment.taken_at);
    gauges.assessment_age.get_or_create(labels).set(seconds(Timestamp::from_millisecond(age).unwrap_or_default()));
    gauges.groups.get_or_create(labels).set(count(assessment.groups.len()));
    let headless = assessment.groups.iter().filter(|group| group.lacks_primary()).count();
    gauges.primaries_missing.get_or_create(labels).set(count(headless));
    let members = || assessment.groups.iter().flat_map(|group| &group.members);
    let away = members().filter(|member| !member.sync.is_streaming()).count();
    gauges.members_away.get_or_create(labels).set(count(away));
    let missing = assessment.quorums.iter().map(|body| body.needed.saturating_sub(body.live.len())).sum();
    gauges.voters_missing.get_or_create(labels).set(count(missing));
    for blocker in &assessment.blockers {
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
