//! Laws of the gauges.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stateful_cluster::guard::eviction_records;
use stateful_safety::{Blocker, Blocks, Effect, MemberState, Passes, Quorum, ReplicaGroup};

use super::*;
use crate::evaluation::reservations::{FirstSeen, RESERVATION_LIFETIME};
use crate::rules::fixtures::{guarded, pod, policy, redis};
use crate::telemetry::metrics::Metrics;

const TAKEN_AT: i64 = 1_000_000;

fn now() -> Now {
    Now { wall: Timestamp::from_millisecond(TAKEN_AT + 4_000).expect("a time"), steady: Instant::now() }
}

fn state(name: &str, role: Role, sync: Sync) -> MemberState {
    MemberState {
        name: name.to_owned(),
        role,
        sync,
        lag_seconds: None,
        version: None,
        persists: true,
        lost_directory: None,
        priority: MemberState::NO_PREFERENCE,
        confirms_writes: true,
    }
}

fn group(name: &str, members: Vec<MemberState>) -> ReplicaGroup {
    ReplicaGroup { name: name.to_owned(), members, write_quorum: 1 }
}

fn assessment(groups: Vec<ReplicaGroup>) -> Assessment {
    let topology = "Redis Cluster".to_owned();
    Assessment {
        taken_at: TAKEN_AT,
        topology,
        groups,
        quorums: Vec::new(),
        blockers: Vec::new(),
        feature_release: None,
        synchrony: stateful_safety::SyncReplication::Declared,
        upgrade_notes: Vec::new(),
        notes: Vec::new(),
    }
}

fn node(name: &str, cordoned: bool) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {"unschedulable": cordoned}})
}

/// The eviction records of `redis`.
fn eviction_records(records: &Value) -> Value {
    json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": eviction_records::lease_name("redis"), "namespace": "shop",
            "annotations": {"kubectl-stateful.dev/promises": records.to_string()}}})
}

fn record(ordinal: usize, granted: bool) -> Value {
    json!({"pod": format!("redis-{ordinal}"), "uid": format!("pod-{ordinal}"), "node": "n1", "granted": granted,
        "at": "2026-01-01T00:00:00Z"})
}

/// The response to a scrape, given these objects and this observation of `shop/redis`.
fn scraped(
    objects: &[Value],
    snapshot: Option<Assessment>,
    first_seen: &HashMap<String, FirstSeen>,
    now: Now,
) -> String {
    let metrics = Metrics::new();
    let model = Model::of(objects, stateful_operations::engine_profiles()).expect("a model");
    let id = WorkloadId { namespace: "shop".to_owned(), name: "redis".to_owned() };
    let observations = HashMap::from([(id, Observation { assessment: snapshot, ..Observation::default() })]);
    set_databases(&metrics.gauges, &model, &observations, first_seen, now);
    metrics.text()
}

fn about(objects: &[Value], snapshot: Option<Assessment>) -> String {
    scraped(objects, snapshot, &HashMap::new(), now())
}

/// Whether a gauge of `shop/redis` has a value.
fn says(text: &str, gauge: &str, value: &str) -> bool {
    text.lines().any(|line| line == format!("stateful_guard_{gauge}{{namespace=\"shop\",workload=\"redis\"}} {value}"))
}

#[test]
fn a_database_that_was_never_observed_has_gauges_all_the_same() {
    let text = about(&[guarded(), redis(3), pod("redis", 0), pod("redis", 2)], None);
    assert!(text.contains("\nstateful_guard_workloads 1\n"), "{text}");
    assert!(says(&text, "members", "3") && says(&text, "members_absent", "1"), "{text}");
    assert!(!text.contains("stateful_guard_assessment_age_seconds{"), "{text}");
    assert!(about(&[redis(3)], None).contains("\nstateful_guard_workloads 0\n"), "only guarded databases are counted");
}

#[test]
fn members_on_cordoned_nodes_are_counted() {
    let members = [guarded(), redis(2), pod("redis", 0), pod("redis", 1)];
    let with = |cordoned| about(&[&members[..], &[node("n1", cordoned)]].concat(), None);
    assert!(says(&with(true), "members_on_cordoned_nodes", "2"));
    assert!(says(&with(false), "members_on_cordoned_nodes", "0"));
}

#[test]
fn the_lag_limit_is_the_one_its_policies_say() {
    assert!(says(&about(&[guarded(), redis(3)], None), "replication_lag_limit_bytes", "1048576"));
    let strict = policy(&json!({"maxLagBytes": 5}));
    assert!(says(&about(&[guarded(), redis(3), strict], None), "replication_lag_limit_bytes", "5"));
}

#[test]
fn conditions_are_counted_by_member_and_by_group() {
    let lagging =
        MemberState { lag_seconds: Some(42), ..state("redis-2", Role::Replica, Sync::InSync { lag_bytes: 2_097_152 }) };
    let silent = state("redis-1", Role::Unknown, Sync::Unreachable { why: "connection refused".to_owned() });
    let mut snapshot = assessment(vec![
        group("slots 0-5460", vec![state("redis-0", Role::Primary, Sync::InSync { lag_bytes: 0 }), lagging]),
        group("slots 5461-10922", vec![silent]),
    ]);
    snapshot.quorums.push(Quorum {
        voters_are: "slot-owning masters".to_owned(),
        live: vec!["redis-0".to_owned()],
        needed: 2,
    });
    snapshot.blockers.push(Blocker {
        code: "STF-RD-001",
        effect: Effect::new(Blocks::Everything, Passes::ByItself),
        member: None,
        text: "a condition".to_owned(),
        next_step: "wait".to_owned(),
    });
    let text = about(&[guarded(), redis(3)], Some(snapshot));
    assert!(says(&text, "assessment_age_seconds", "4.0"), "{text}");
    assert!(says(&text, "groups", "2") && says(&text, "groups_without_primary", "1"), "{text}");
    assert!(says(&text, "members_away", "1") && says(&text, "voters_missing", "1"), "{text}");
    let of_redis_2 = "{namespace=\"shop\",workload=\"redis\",member=\"redis-2\"}";
    assert!(text.contains(&format!("\nstateful_guard_replication_lag_bytes{of_redis_2} 2097152\n")), "{text}");
    assert!(text.contains(&format!("\nstateful_guard_replication_lag_seconds{of_redis_2} 42\n")), "{text}");
    let blocked = "\nstateful_guard_blockers{namespace=\"shop\",workload=\"redis\",reason=\"STF-RD-001\"} 1\n";
    assert!(text.contains(blocked), "{text}");
}

#[test]
fn a_refused_eviction_waits_for_as_long_as_its_node_is_cordoned() {
    let refused = eviction_records(&json!([record(0, false)]));
    let objects = |cordoned| [guarded(), redis(1), pod("redis", 0), refused.clone(), node("n1", cordoned)];
    let waiting = "\nstateful_guard_eviction_refused_since_timestamp_seconds{namespace=\"shop\",workload=\"redis\",\
                   member=\"redis-0\"} 1767225600.0\n";
    let text = about(&objects(true), None);
    assert!(text.contains(waiting) && text.contains("\nstateful_guard_promises 0\n"), "{text}");
    assert!(!about(&objects(false), None).contains("refused_since_timestamp_seconds{"));
}

#[test]
fn a_reservation_counts_until_its_pod_is_gone_or_it_expires() {
    let reserved = eviction_records(&json!([record(0, true)]));
    let there = [guarded(), redis(1), reserved.clone(), pod("redis", 0)];
    let moment = now();
    let made: EvictionRecord = serde_json::from_value(record(0, true)).expect("a record");
    let at = |age: Duration| {
        let seen = moment.steady.checked_sub(age).expect("a moment");
        HashMap::from([("pod-0".to_owned(), FirstSeen::of(&made, seen))])
    };
    let counted = |first_seen: &HashMap<String, FirstSeen>| scraped(&there, None, first_seen, moment);
    assert!(about(&there, None).contains("\nstateful_guard_promises 1\n"), "just made");
    assert!(counted(&at(Duration::ZERO)).contains("\nstateful_guard_promises 1\n"));
    assert!(counted(&at(RESERVATION_LIFETIME)).contains("\nstateful_guard_promises 0\n"), "it expired");
    assert!(about(&there[..3], None).contains("\nstateful_guard_promises 0\n"), "its pod is gone");
}
