//! Laws of cordons.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use stateful_cluster::{FIELD_MANAGER, LEAVES_NODE, LOCK_LIFETIME, LeaseFacts, Model, NEXT_POD, PodFacts, SetFacts};
use stateful_safety::{Reason, WorkloadId};

use super::{LINES, decide};
use crate::admission_request::{Attempt, Operation};
use crate::admission_response::{Answer, Decision};
use crate::effective_policy::EffectivePolicy;
use crate::rules::fixtures::{attempt, code, guarded, namespace, pod, policy, redis};

fn node(unschedulable: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": {"unschedulable": unschedulable}})
}

fn answer(objects: &[Value], old: &Value, new: &Value) -> Answer {
    asked(objects, &attempt(Operation::Update, "nodes", Some(node(new)), Some(node(old))), None)
}

/// The answer to an attempt while an operation holds this claim on every database.
fn asked(objects: &[Value], attempt: &Attempt, claim: Option<&LeaseFacts>) -> Answer {
    let model = Model::of(objects).expect("a model");
    let primary = |_: &SetFacts, pod: &PodFacts, _: &EffectivePolicy| {
        vec![Reason::PrimaryTaken { group: "the replica group".to_owned(), member: pod.member.name.clone() }]
    };
    decide(attempt, &model, &|_: &WorkloadId| claim.cloned(), moment(), &primary)
}

fn moment() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().expect("a moment")
}

/// A claim that is held and says what leaves which node.
fn claim(says: &str, node: &str) -> LeaseFacts {
    LeaseFacts {
        promises: Vec::new(),
        holder: Some("ana@desk (drain, process 7)".to_owned()),
        version: "1".to_owned(),
        notes: BTreeMap::from([(says.to_owned(), node.to_owned())]),
        seen_at: moment(),
    }
}

fn cordoned(objects: &[Value]) -> Answer {
    answer(objects, &json!(null), &json!(true))
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
        let answer = answer(&objects, &old, &new);
        assert_eq!((answer.warnings.len(), code(&answer)), (lines, None), "{old} to {new}");
    }
}

#[test]
fn who_cannot_be_moved_is_named() {
    let line = "redis-0 of shop/redis cannot be moved now: redis-0 is the primary of the replica group and takes its \
                writes (STF-DB-007)";
    assert_eq!(cordoned(&[guarded(), redis(1), pod("redis", 0)]).warnings, [line]);
    assert_eq!(cordoned(&[namespace("shop", false), redis(1), pod("redis", 0)]), Answer::allow());
    let mut elsewhere = pod("redis", 0);
    elsewhere["spec"]["nodeName"] = json!("n2");
    assert_eq!(cordoned(&[guarded(), redis(1), elsewhere]), Answer::allow());
}

#[test]
fn warnings_fit_through_the_api_server() {
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
    assert_eq!(cordoned(&objects(json!({"exemptUsers": ["ana"]}))), Answer::allow());
}

#[test]
fn an_operation_that_has_judged_the_node_may_cordon_it_and_nobody_else() {
    let objects = [guarded(), redis(1), pod("redis", 0), policy(&json!({"onCordon": "Deny"}))];
    let cordon = attempt(Operation::Update, "nodes", Some(node(&json!(true))), Some(node(&json!(null))));
    let refused = |claim: Option<&LeaseFacts>| code(&asked(&objects, &cordon, claim)).is_some();
    assert!(!refused(Some(&claim(LEAVES_NODE, "n1"))));

    assert!(refused(None), "nobody holds it");
    assert!(refused(Some(&claim(LEAVES_NODE, "n2"))), "another node is emptied");
    assert!(refused(Some(&claim(NEXT_POD, "n1"))), "an upgrade");
    assert!(refused(Some(&LeaseFacts { holder: None, ..claim(LEAVES_NODE, "n1") })), "it was let go of");
    let dead = moment() - LOCK_LIFETIME - std::time::Duration::from_secs(1);
    assert!(refused(Some(&LeaseFacts { seen_at: dead, ..claim(LEAVES_NODE, "n1") })), "its holder has died");
}

#[test]
fn a_rehearsal_of_ours_is_told_and_not_refused() {
    let objects = [guarded(), redis(1), pod("redis", 0), policy(&json!({"onCordon": "Deny"}))];
    let by = |manager: &str, dry_run: bool| Attempt {
        dry_run,
        options: json!({"fieldManager": manager}),
        ..attempt(Operation::Update, "nodes", Some(node(&json!(true))), Some(node(&json!(null))))
    };
    let rehearsed = asked(&objects, &by(FIELD_MANAGER, true), None);
    assert_eq!((code(&rehearsed), rehearsed.warnings.len()), (None, 1));
    assert!(code(&asked(&objects, &by(FIELD_MANAGER, false), None)).is_some(), "a name alone opens nothing");
    assert!(code(&asked(&objects, &by("kubectl-patch", true), None)).is_some());
}
