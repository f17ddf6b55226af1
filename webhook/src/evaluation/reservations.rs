//! THINK. Which eviction records still reserve their pod.
//!
//! A reservation counts from the moment it is written until its pod is seen terminating, since from then on Kubernetes
//! itself shows what is missing; or until it expires: an allowed eviction that was never carried out frees itself. One that
//! is granted again counts from then on: a drain asks again while a budget refuses after the guard, and the reservation's
//! age is that of its last request, not of its first.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use stateful_cluster::guard::eviction_records::EvictionRecord;
use stateful_safety::Workload;

use super::observation::Observation;

/// After this long a pod that was allowed to go and is still there was left alone. An admitted eviction still waits for its
/// budget up to 20 times half a second (`eviction.go`, `EvictionsRetry`), and is then carried out or refused.
pub(crate) const RESERVATION_LIFETIME: Duration = Duration::from_secs(20);

/// A record of this age is deleted from the Lease, whatever it says.
const STALE_AFTER: Duration = Duration::from_hours(1);

/// Above this number of remembered reservations the stale ones are forgotten.
const REMEMBERED: usize = 1_024;

/// When this process first saw a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FirstSeen {
    /// When the reservation was made, by the clock of the process that made it: compared for equality alone, never with
    /// this process's clock.
    made: Timestamp,
    seen: Instant,
}

impl FirstSeen {
    pub(crate) const fn of(record: &EvictionRecord, now: Instant) -> Self {
        Self { made: record.at, seen: now }
    }

    /// Whether this very reservation was not used within its lifetime.
    pub(crate) fn is_expired(&self, record: &EvictionRecord, now: Instant) -> bool {
        self.made == record.at && now.duration_since(self.seen) >= RESERVATION_LIFETIME
    }
}

/// Finds the members that count as absent though Kubernetes does not show it yet: those reserved for removal, and those
/// whose pod is not the one that was asked in the last observation. `first_seen` is this process's own, by pod UID.
/// `except` is the UID of the pod the request is about.
pub(crate) fn find_absent(
    workload: &Workload,
    observation: Option<&Observation>,
    records: &[EvictionRecord],
    first_seen: &mut HashMap<String, FirstSeen>,
    now: Instant,
    except: &str,
) -> Vec<String> {
    let mut absent: Vec<String> = Vec::new();
    if first_seen.len() > REMEMBERED {
        first_seen.retain(|_, one| now.duration_since(one.seen) < STALE_AFTER);
    }
    for record in records.iter().filter(|record| record.granted && record.uid != except) {
        let seen = first_seen.entry(record.uid.clone()).or_insert(FirstSeen::of(record, now));
        if seen.made != record.at {
            *seen = FirstSeen::of(record, now);
        }
        let is_there = workload.member(&record.pod).is_some_and(|pod| pod.uid == record.uid);
        if is_there && !seen.is_expired(record, now) {
            absent.push(record.pod.clone());
        }
    }
    // A pod that was recreated or has gone since it was asked: its old answer says nothing about the pod there now.
    let asked = observation.and_then(|observation| observation.workload.as_deref());
    let asked = asked.filter(|asked| !std::ptr::eq(*asked, workload));
    for before in asked.iter().flat_map(|asked| &asked.members) {
        let same = workload.member(&before.name).is_some_and(|pod| pod.uid == before.uid);
        if !same && !absent.contains(&before.name) {
            absent.push(before.name.clone());
        }
    }
    absent
}

/// Whether a record is so old that it is deleted: no drain waits for that pod any more.
pub(crate) fn is_stale(record: &EvictionRecord, now: Timestamp) -> bool {
    u64::try_from(now.duration_since(record.at).as_secs()).is_ok_and(|age| age > STALE_AFTER.as_secs())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use serde_json::json;
    use stateful_cluster::guard::eviction_records::EvictionRecord;
    use stateful_cluster::inventory::Model;
    use stateful_safety::{Workload, WorkloadId};

    use super::{FirstSeen, RESERVATION_LIFETIME, find_absent};
    use crate::evaluation::observation::Observation;
    use crate::rules::fixtures::{guarded, pod, redis};

    fn workload(pods: &[usize]) -> Arc<Workload> {
        let objects: Vec<_> =
            [guarded(), redis(3)].into_iter().chain(pods.iter().map(|at| pod("redis", *at))).collect();
        let model = Model::of(&objects, stateful_operations::engine_profiles()).expect("a model");
        let id = WorkloadId { namespace: "shop".to_owned(), name: "redis".to_owned() };
        model.workload(&id).expect("a workload")
    }

    fn record(ordinal: usize, granted: bool) -> EvictionRecord {
        let text = json!({"pod": format!("redis-{ordinal}"), "uid": format!("pod-{ordinal}"), "node": "n1",
            "granted": granted, "at": "2026-01-01T00:00:00Z"});
        serde_json::from_value(text).expect("a record")
    }

    fn observation(uids: &[(usize, &str)]) -> Observation {
        let ordinals: Vec<usize> = uids.iter().map(|(ordinal, _)| *ordinal).collect();
        let mut asked = (*workload(&ordinals)).clone();
        for (member, (_, uid)) in asked.members.iter_mut().zip(uids) {
            (*uid).clone_into(&mut Arc::make_mut(member).uid);
        }
        Observation { workload: Some(Arc::new(asked)), ..Observation::default() }
    }

    #[test]
    fn a_reservation_counts_until_its_pod_is_seen_terminating() {
        let (now, mut first) = (Instant::now(), HashMap::new());
        let all = workload(&[0, 1, 2]);
        assert_eq!(find_absent(&all, None, &[record(1, true)], &mut first, now, "pod-0"), ["redis-1"]);
        assert!(
            find_absent(&all, None, &[record(1, false)], &mut first, now, "pod-0").is_empty(),
            "a refused request reserves nothing"
        );
        assert!(
            find_absent(&all, None, &[record(1, true)], &mut first, now, "pod-1").is_empty(),
            "its own reservation is no obstacle"
        );
    }

    #[test]
    fn a_reservation_that_is_not_used_expires() {
        let (now, mut first) = (Instant::now(), HashMap::new());
        let all = workload(&[0, 1, 2]);
        assert_eq!(find_absent(&all, None, &[record(1, true)], &mut first, now, "pod-0").len(), 1);
        let almost = now + RESERVATION_LIFETIME.saturating_sub(Duration::from_millis(1));
        assert_eq!(find_absent(&all, None, &[record(1, true)], &mut first, almost, "pod-0").len(), 1);
        assert!(
            find_absent(&all, None, &[record(1, true)], &mut first, now + RESERVATION_LIFETIME, "pod-0").is_empty()
        );
    }

    #[test]
    fn a_reservation_that_is_granted_again_counts_from_then_on() {
        let (now, mut first) = (Instant::now(), HashMap::new());
        let all = workload(&[0, 1, 2]);
        assert_eq!(find_absent(&all, None, &[record(1, true)], &mut first, now, "pod-0").len(), 1);
        let again = EvictionRecord { at: "2026-01-01T00:00:19Z".parse().expect("a moment"), ..record(1, true) };
        let almost = now + RESERVATION_LIFETIME.saturating_sub(Duration::from_secs(1));
        assert_eq!(find_absent(&all, None, std::slice::from_ref(&again), &mut first, almost, "pod-0").len(), 1);
        assert_eq!(
            find_absent(&all, None, std::slice::from_ref(&again), &mut first, now + RESERVATION_LIFETIME, "pod-0")
                .len(),
            1
        );
        assert!(find_absent(&all, None, &[again], &mut first, almost + RESERVATION_LIFETIME, "pod-0").is_empty());
    }

    #[test]
    fn old_reservations_are_forgotten_and_new_ones_are_not() {
        let (began, all) = (Instant::now(), workload(&[0, 1, 2]));
        let old = |number: usize| (format!("gone-{number}"), FirstSeen::of(&record(0, true), began));
        let mut first: HashMap<String, FirstSeen> = (0..=super::REMEMBERED).map(old).collect();
        let now = began + super::STALE_AFTER;
        first.insert("fresh".to_owned(), FirstSeen::of(&record(0, true), now));
        find_absent(&all, None, &[record(1, true)], &mut first, now, "pod-0");
        let mut left: Vec<&str> = first.keys().map(String::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["fresh", "pod-1"]);
    }

    #[test]
    fn what_a_pod_said_before_it_was_recreated_does_not_count_for_the_new_pod() {
        let (now, mut first) = (Instant::now(), HashMap::new());
        let asked = observation(&[(0, "pod-0"), (1, "the one before"), (2, "pod-2")]);
        assert_eq!(find_absent(&workload(&[0, 1, 2]), Some(&asked), &[], &mut first, now, "pod-0"), ["redis-1"]);
        let asked = observation(&[(0, "pod-0"), (1, "pod-1")]);
        assert_eq!(
            find_absent(&workload(&[0]), Some(&asked), &[], &mut first, now, "pod-0"),
            ["redis-1"],
            "the pod is gone"
        );
    }
}
