//! LOOK. What is so at the moment of a scrape, from what is known.

use std::time::Instant;

use jiff::Timestamp;
use stateful_cluster::{CLAIM_LIFETIME, Model, SetFacts, claim_name};
use stateful_safety::{Assessment, Role, Sync};

use crate::guard::Guard;
use crate::known::Seen;
use crate::metrics::{Gauges, MemberLabels, WorkloadLabels};
use crate::promised::KEPT_WITHIN;

/// Sets every gauge anew, so that what is gone is gone.
pub(crate) fn set(guard: &Guard, certificate_ends: Option<Timestamp>) {
    let gauges = &guard.metrics.gauges;
    let model = guard.known.inventory.model();
    gauges.synced.set(i64::from(guard.known.inventory.is_synced()));
    gauges.pods.set(i64::try_from(model.pod_count()).unwrap_or(i64::MAX));
    gauges.certificate_expires.set(certificate_ends.map_or(0.0, seconds));
    gauges.assessment_age.clear();
    for family in [&gauges.primaries_missing, &gauges.members_away, &gauges.blockers, &gauges.in_operation] {
        family.clear();
    }
    gauges.waiting_since.clear();
    gauges.lag.clear();
    let sets = model.guarded_sets();
    gauges.workloads.set(i64::try_from(sets.len()).unwrap_or(i64::MAX));
    let now = Timestamp::now();
    let mut promises = 0;
    let seen = guard.known.seen();
    for set in sets {
        promises += of_workload(gauges, &model, set, seen.get(&set.workload.id), now, guard);
    }
    gauges.promises.set(promises);
}

/// Sets a workload's gauges; returns how many promises about it count.
fn of_workload(
    gauges: &Gauges,
    model: &Model,
    set: &SetFacts,
    seen: Option<&Seen>,
    now: Timestamp,
    guard: &Guard,
) -> i64 {
    let id = &set.workload.id;
    let labels = WorkloadLabels { namespace: id.namespace.clone(), workload: id.name.clone() };
    let claim = model.lease(&id.namespace, &claim_name(&id.name));
    let busy = claim.is_some_and(|claim| {
        claim.holder.is_some() && now.duration_since(claim.seen_at).unsigned_abs() <= CLAIM_LIFETIME
    });
    gauges.in_operation.get_or_create(&labels).set(i64::from(busy));
    if let Some(assessment) = seen.and_then(|seen| seen.assessment.as_ref()) {
        of_assessment(gauges, &labels, assessment, now);
    }
    let book = model.lease(&id.namespace, &stateful_cluster::book_name(&id.name));
    let first_seen = guard.known.promised();
    let counts = |uid: &str| first_seen.get(uid).is_none_or(|at| Instant::now().duration_since(*at) < KEPT_WITHIN);
    let mut counting = 0;
    for promise in stateful_cluster::promises(book) {
        let there = model.pod(&id.namespace, &promise.pod).is_some_and(|pod| pod.member.uid == promise.uid);
        if there && promise.granted && counts(&promise.uid) {
            counting += 1;
        }
        let cordoned = promise.node.as_deref().is_some_and(|node| model.is_cordoned(node) == Some(true));
        if there && !promise.granted && cordoned {
            let member = MemberLabels {
                namespace: id.namespace.clone(),
                workload: id.name.clone(),
                member: promise.pod.clone(),
            };
            gauges.waiting_since.get_or_create(&member).set(seconds(promise.at));
        }
    }
    counting
}

fn of_assessment(gauges: &Gauges, labels: &WorkloadLabels, assessment: &Assessment, now: Timestamp) {
    let age = now.as_millisecond().saturating_sub(assessment.taken_at);
    gauges.assessment_age.get_or_create(labels).set(seconds(Timestamp::from_millisecond(age).unwrap_or_default()));
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let leaderless = assessment.groups.iter().filter(|group| group.primary().is_none()).count();
    gauges.primaries_missing.get_or_create(labels).set(count(leaderless));
    let members = || assessment.groups.iter().flat_map(|group| &group.members);
    let away = members().filter(|member| !member.sync.is_streaming()).count();
    gauges.members_away.get_or_create(labels).set(count(away));
    gauges.blockers.get_or_create(labels).set(count(assessment.blockers.len()));
    for member in members().filter(|member| member.role == Role::Replica) {
        if let Sync::InSync { lag_bytes } = member.sync {
            let labels = MemberLabels {
                namespace: labels.namespace.clone(),
                workload: labels.workload.clone(),
                member: member.name.clone(),
            };
            gauges.lag.get_or_create(&labels).set(i64::try_from(lag_bytes).unwrap_or(i64::MAX));
        }
    }
}

/// Seconds since 1970, with their fraction.
fn seconds(at: Timestamp) -> f64 {
    std::time::Duration::from_millis(u64::try_from(at.as_millisecond()).unwrap_or(0)).as_secs_f64()
}
