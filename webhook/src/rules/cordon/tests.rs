//! Laws of cordons.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use stateful_cluster::FIELD_MANAGER;
use stateful_cluster::inventory::{Model, PodFacts, SetFacts};
use stateful_cluster::locks::{LEAVES_NODE, LIFETIME, LeaseFacts, NEXT_POD};
use stateful_safety::{Reason, WorkloadId};

use super::{LINES, evaluate};
use crate::admission::request::{AdmissionRequest, Operation};
use crate::admission::response::{AdmissionResponse, Decision};
use crate::evaluation::cordon_context::NodeContext;
use crate::evaluation::effective_policy::EffectivePolicy;
use crate::rules::fixtures::{code, guarded, namespace, pod, policy, redis, request};

fn node(unschedulable: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": {"unschedulable": unschedulable}})
}

fn cordon(objects: &[Value], old: &Value, new: &Value) -> AdmissionResponse {
    respond(objects, &request(Operation::Update, "nodes", Some(node(new)), Some(node(old))), None)
}

/// The response to a request while an operation holds this lock on every database.
fn respond(objects: &[Value], request: &AdmissionRequest, lock: Option<&LeaseFacts>) -> AdmissionResponse {
    let model = Model::of(objects, stateful_operations::engine_profiles()).expect("a model");
    let primary = |_: &SetFacts, pod: &PodFacts, _: &EffectivePolicy| {
        vec![Reason::PrimaryTaken { group: "the replica group".to_owned(), member: pod.member.name.clone() }]
    };
    let held = |_: &WorkloadId| lock.cloned();
    evaluate(request, &NodeContext { model: &model, lock: &held, now: moment(), reasons: &primary })
}

fn moment() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().expect("a moment")
}

/// A lock that is held and names the node that its members leave.
fn lock(says: &str, node: &str) -> LeaseFacts {
    LeaseFacts {
        holder: Some("ana@desk (drain, process 7)".to_owned()),
        version: "1".to_owned(),
        notes: BTreeMap::from([(says.to_owned(), node.to_owned())]),
        seen_at: moment(),
    }
}

fn cordoned(objects: &[Value]) -> AdmissionResponse {
    cordon(objects, &json!(null), &json!(true))
}

#[test]
fn only_the_moment_of_the_cordon_counts() {
    let objects = [guarded(), redis(1), pod("redis", 0)];
    let cases = [
        (json!(null), json!(true), 1),
        (json!(false), json!(true), 1),
        (json!(true), json!(true), 0),
        (json!(true), json!(false), 0),
        (json!(false), json!(null), 0),
        (json!(false), json!("true"), 0),
    ];
    for (old, new, lines) in cases {
        let answer = cordon(&objects, &old, &new);
        assert_eq!((answer.warnings.len(), code(&answer)), (lines, None), "{old} to {new}");
    }
}

#[test]
fn members_that_cannot_be_moved_are_named() {
    let line = "redis-0 of shop/redis cannot be moved now: redis-0 is the primary of the replica group and takes its \
                writes (STF-DB-007)";
    assert_eq!(cordoned(&[guarded(), redis(1), pod("redis", 0)]).warnings, [line]);
    assert_eq!(cordoned(&[namespace("shop", false), redis(1), pod("redis", 0)]), AdmissionResponse::allow());
    let mut elsewhere = pod("redis", 0);
    elsewhere["spec"]["nodeName"] = json!("n2");
    assert_eq!(cordoned(&[guarded(), redis(1), elsewhere]), AdmissionResponse::allow());
}

#[test]
fn warnings_fit_the_limits_of_the_api_server() {
    let mut objects = vec![guarded(), redis(30)];
    objects.extend((0..30).map(|ordinal| pod("redis", ordinal)));
    let answer = cordoned(&objects);
    assert_eq!(answer.warnings.len(), LINES);
    assert_eq!(answer.warnings[LINES - 1], "and 21 more members: kubectl stateful check node/n1");

    let mut long = pod("redis", 0);
    long["metadata"]["name"] = json!("x".repeat(300));
    let answer = cordoned(&[guarded(), redis(1), long]);
    assert_eq!(answer.warnings[0].chars().count(), 250);
}

#[test]
fn a_policy_may_deny_it() {
    let objects = |spec: Value| [guarded(), redis(2), pod("redis", 0), pod("redis", 1), policy(&spec)];
    let denied = cordoned(&objects(json!({"onCordon": "Deny"})));
    let Decision::Refuse(refusal) = &denied.decision else { panic!("{denied:?}") };
    assert_eq!((refusal.code.words().0, refusal.causes.len()), (403, 2));
    assert!(refusal.message.contains("redis-0 of shop/redis") && refusal.message.contains("and 1 more"), "{refusal:?}");
    assert!(refusal.message.contains("kubectl stateful switchover redis -n shop"), "{refusal:?}");

    let warned = cordoned(&objects(json!({"onCordon": "Deny", "mode": "Warn"})));
    assert_eq!((code(&warned), warned.warnings.len()), (None, 2));
    let audited = cordoned(&objects(json!({"onCordon": "Deny", "mode": "Audit"})));
    assert_eq!((code(&audited), audited.warnings.len()), (None, 0));
    assert_eq!(audited.audit.get("reasons").map(String::as_str), Some("STF-DB-007"));
    assert_eq!(cordoned(&objects(json!({"exemptUsers": ["ana"]}))), AdmissionResponse::allow());
}

#[test]
fn only_an_operation_that_has_judged_the_node_may_cordon_it() {
    let objects = [guarded(), redis(1), pod("redis", 0), policy(&json!({"onCordon": "Deny"}))];
    let cordon = request(Operation::Update, "nodes", Some(node(&json!(true))), Some(node(&json!(null))));
    let refused = |lock: Option<&LeaseFacts>| code(&respond(&objects, &cordon, lock)).is_some();
    assert!(!refused(Some(&lock(LEAVES_NODE, "n1"))));

    assert!(refused(None), "no operation holds the lock");
    assert!(refused(Some(&lock(LEAVES_NODE, "n2"))), "another node is drained");
    assert!(refused(Some(&lock(NEXT_POD, "n1"))), "an upgrade");
    assert!(refused(Some(&LeaseFacts { holder: None, ..lock(LEAVES_NODE, "n1") })), "the lock was released");
    let dead = moment() - LIFETIME - std::time::Duration::from_secs(1);
    assert!(refused(Some(&LeaseFacts { seen_at: dead, ..lock(LEAVES_NODE, "n1") })), "its holder has died");
}

#[test]
fn a_dry_run_of_the_plugin_is_warned_and_not_refused() {
    let objects = [guarded(), redis(1), pod("redis", 0), policy(&json!({"onCordon": "Deny"}))];
    let by = |manager: &str, dry_run: bool| AdmissionRequest {
        dry_run,
        options: json!({"fieldManager": manager}),
        ..request(Operation::Update, "nodes", Some(node(&json!(true))), Some(node(&json!(null))))
    };
    let dry_run = respond(&objects, &by(FIELD_MANAGER, true), None);
    assert_eq!((code(&dry_run), dry_run.warnings.len()), (None, 1));
    assert!(
        code(&respond(&objects, &by(FIELD_MANAGER, false), None)).is_some(),
        "the field manager alone is not enough"
    );
    assert!(code(&respond(&objects, &by("kubectl-patch", true), None)).is_some());
}
