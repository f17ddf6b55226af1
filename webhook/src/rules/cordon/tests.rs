//! Laws of cordons.

use serde_json::{Value, json};
use stateful_cluster::{Model, PodFacts, SetFacts};
use stateful_safety::Reason;

use super::{LINES, decide};
use crate::answer::{Answer, Decision};
use crate::attempt::Operation;
use crate::limits::Limits;
use crate::rules::given::{attempt, code, guarded, namespace, pod, policy, redis};

fn node(unschedulable: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": {"unschedulable": unschedulable}})
}

fn answer(objects: &[Value], old: &Value, new: &Value) -> Answer {
    let model = Model::of(objects).expect("a model");
    let primary = |_: &SetFacts, pod: &PodFacts, _: &Limits| {
        vec![Reason::PrimaryTaken { group: "the replica group".to_owned(), member: pod.member.name.clone() }]
    };
    decide(&attempt(Operation::Update, "nodes", Some(node(new)), Some(node(old))), &model, &primary)
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
