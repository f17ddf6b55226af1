//! Which eviction records still reserve their pod.

mod explored;

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
    let objects: Vec<_> = [guarded(), redis(3)].into_iter().chain(pods.iter().map(|at| pod("redis", *at))).collect();
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
    assert!(find_absent(&all, None, &[record(1, true)], &mut first, now + RESERVATION_LIFETIME, "pod-0").is_empty());
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
        find_absent(&all, None, std::slice::from_ref(&again), &mut first, now + RESERVATION_LIFETIME, "pod-0").len(),
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
