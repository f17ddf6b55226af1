//! Laws of finding the pod of an eviction: a removal that cannot harm a database passes, an unknown pod does not.

use serde_json::{Value, json};
use stateful_cluster::inventory::Model;

use super::find;
use crate::admission::request::{AdmissionRequest, Operation};
use crate::evaluation::guarded_pod::PodLookup;
use crate::rules::fixtures::{guarded, namespace, pod, redis, request};

fn eviction(name: &str, options: &Value) -> AdmissionRequest {
    let object = json!({"apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"name": name, "namespace": "shop"}, "deleteOptions": options});
    let uid = options["preconditions"]["uid"].as_str().map(ToOwned::to_owned);
    AdmissionRequest { pod_uid: uid, ..request(Operation::Create, "pods/eviction", Some(object), None) }
}

fn found(objects: &[Value], request: &AdmissionRequest) -> &'static str {
    let model = Model::of(objects, stateful_operations::engine_profiles()).expect("a model");
    match find(request, &model) {
        PodLookup::Pass(why) => why,
        PodLookup::Moved => "moved",
        PodLookup::NotCached => "unknown",
        PodLookup::Member(_) => "judged",
    }
}

fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
    object.pointer_mut(parent).expect("a parent")[field] = value;
    object
}

fn node(name: &str, cordoned: bool) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {"unschedulable": cordoned}})
}

fn eviction_records(records: &Value) -> Value {
    json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "stateful.guard.redis", "namespace": "shop",
            "annotations": {"kubectl-stateful.dev/promises": records.to_string()}}, "spec": {}})
}

#[test]
fn a_running_member_of_a_guarded_database_is_judged() {
    assert_eq!(found(&[guarded(), redis(3), pod("redis", 0)], &eviction("redis-0", &Value::Null)), "judged");
}

#[test]
fn an_unguarded_namespace_passes_from_the_cache() {
    let why = found(&[namespace("shop", false), redis(3), pod("redis", 0)], &eviction("redis-0", &Value::Null));
    assert_eq!(why, "its namespace is not guarded");
}

#[test]
fn pods_that_serve_no_data_pass_at_once() {
    let of = |pod: Value| found(&[guarded(), redis(3), pod], &eviction("redis-0", &Value::Null));
    assert_eq!(of(with(pod("redis", 0), "/status/phase", json!("Pending"))), "it has not started");
    assert_eq!(of(with(pod("redis", 0), "/status/phase", json!("Succeeded"))), "it has ended");
    assert_eq!(of(with(pod("redis", 0), "/status/phase", json!("Failed"))), "it has ended");
    let leaving = with(pod("redis", 0), "/metadata/deletionTimestamp", json!("2026-01-01T00:00:00Z"));
    assert_eq!(of(leaving), "it is being deleted already");
    let stray = with(pod("redis", 0), "/metadata/ownerReferences", json!([]));
    assert_eq!(of(stray), "it belongs to no database");
}

#[test]
fn a_pod_of_unknown_phase_is_judged_as_running() {
    let odd = with(pod("redis", 0), "/status/phase", json!("Unknown"));
    assert_eq!(found(&[guarded(), redis(3), odd], &eviction("redis-0", &Value::Null)), "judged");
}

#[test]
fn another_uid_than_the_one_wanted_is_left_to_the_api_server() {
    let objects = [guarded(), redis(3), pod("redis", 0)];
    let wanting = |uid: &str| eviction("redis-0", &json!({"preconditions": {"uid": uid}}));
    assert_eq!(found(&objects, &wanting("another uid")), "another pod is meant: the API server answers 409");
    assert_eq!(found(&objects, &wanting("pod-0")), "judged");
}

#[test]
fn a_pod_that_is_not_cached_never_passes() {
    assert_eq!(found(&[guarded(), redis(3)], &eviction("redis-7", &Value::Null)), "unknown");
}

#[test]
fn a_pod_recreated_on_another_node_is_not_the_one_the_drain_means() {
    let asked = json!([{"pod": "redis-0", "uid": "the one before", "node": "n0", "granted": false,
        "at": "2026-01-01T00:00:00Z"}]);
    let drained = [guarded(), redis(3), pod("redis", 0), node("n0", true), node("n1", false), eviction_records(&asked)];
    assert_eq!(found(&drained, &eviction("redis-0", &Value::Null)), "moved");
    let young = with(pod("redis", 0), "/status/phase", json!("Pending"));
    let early = [guarded(), redis(3), young, node("n0", true), node("n1", false), eviction_records(&asked)];
    assert_eq!(found(&early, &eviction("redis-0", &Value::Null)), "moved");
    // A request with this pod's UID means this pod.
    assert_eq!(found(&drained, &eviction("redis-0", &json!({"preconditions": {"uid": "pod-0"}}))), "judged");
    // Its new node is drained too: then it is meant after all.
    let both = [guarded(), redis(3), pod("redis", 0), node("n0", true), node("n1", true), eviction_records(&asked)];
    assert_eq!(found(&both, &eviction("redis-0", &Value::Null)), "judged");
    // The old node is no longer drained.
    let over = [guarded(), redis(3), pod("redis", 0), node("n0", false), node("n1", false), eviction_records(&asked)];
    assert_eq!(found(&over, &eviction("redis-0", &Value::Null)), "judged");
    // The old node is gone: the pod had to move.
    let gone = [guarded(), redis(3), pod("redis", 0), node("n1", false), eviction_records(&asked)];
    assert_eq!(found(&gone, &eviction("redis-0", &Value::Null)), "moved");
}
