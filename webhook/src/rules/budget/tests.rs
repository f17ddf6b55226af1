//! Laws of budgets, on the smallest database that shows each.

use proptest::prelude::*;
use serde_json::{Value, json};
use stateful_cluster::inventory::Model;

use super::evaluate;
use crate::admission::request::Operation;
use crate::admission::response::{AdmissionResponse, Decision};
use crate::rules::fixtures::{code, database, guarded, namespace, pod, policy, redis, request, warned_codes};

fn budget(spec: Value) -> Value {
    let mut budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "redis", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "redis"}}, "unhealthyPodEvictionPolicy": "AlwaysAllow"}});
    let Value::Object(fields) = spec else { panic!("a spec has fields") };
    budget["spec"].as_object_mut().expect("a spec").extend(fields);
    budget
}

fn named(name: &str, spec: Value) -> Value {
    let mut budget = budget(spec);
    budget["metadata"]["name"] = json!(name);
    budget
}

fn model(objects: &[Value]) -> Model {
    Model::of(objects, stateful_operations::engine_profiles()).expect("a model")
}

fn created(objects: &[Value], budget: Value) -> AdmissionResponse {
    evaluate(&request(Operation::Create, "poddisruptionbudgets", Some(budget), None), &model(objects))
}

fn updated(objects: &[Value], old: Value, new: Value) -> AdmissionResponse {
    evaluate(&request(Operation::Update, "poddisruptionbudgets", Some(new), Some(old)), &model(objects))
}

#[test]
fn a_budget_lets_one_go_and_keeps_a_majority() {
    let cases = [
        (3, json!({"maxUnavailable": 1}), None),
        (3, json!({"minAvailable": 2}), None),
        (6, json!({"maxUnavailable": "33%"}), None),
        (2, json!({"maxUnavailable": 2}), None),
        (3, json!({"maxUnavailable": 0}), Some("STF-BG-002")),
        (3, json!({"maxUnavailable": "0%"}), Some("STF-BG-002")),
        (3, json!({"maxUnavailable": "000%"}), Some("STF-BG-002")),
        (3, json!({"minAvailable": 3}), Some("STF-BG-002")),
        (3, json!({"minAvailable": 7}), Some("STF-BG-002")),
        (3, json!({"minAvailable": "100%"}), Some("STF-BG-002")),
        // Rounded up: 67% of three is three.
        (3, json!({"minAvailable": "67%"}), Some("STF-BG-002")),
        (1, json!({"minAvailable": 1}), Some("STF-BG-002")),
        // As the API server counts: with neither field no pod may go.
        (3, json!({}), Some("STF-BG-002")),
        (3, json!({"maxUnavailable": 2}), Some("STF-BG-003")),
        // Rounded up as well: half of three is two.
        (3, json!({"maxUnavailable": "50%"}), Some("STF-BG-003")),
        (6, json!({"maxUnavailable": 3}), Some("STF-BG-003")),
        (5, json!({"minAvailable": 2}), Some("STF-BG-003")),
        (5, json!({"minAvailable": 0}), Some("STF-BG-003")),
        (3, json!({"maxUnavailable": "half"}), Some("STF-BG-007")),
        (
            3,
            json!({"maxUnavailable": 1, "selector": {"matchExpressions": [{"key": "app", "operator": "Like"}]}}),
            Some("STF-BG-007"),
        ),
    ];
    for (replicas, spec, expected) in cases {
        let answer = created(&[guarded(), redis(replicas)], budget(spec.clone()));
        assert_eq!(code(&answer), expected, "{replicas} members, {spec}: {answer:?}");
        assert_eq!(warned_codes(&answer), Vec::<&str>::new(), "{spec}");
    }
}

#[test]
fn a_budget_counts_declared_and_running_pods() {
    // Only a running pod has the label, as when an operator labels the primary: one pod of three declared is counted.
    let mut primary = pod("redis", 0);
    primary["metadata"]["labels"]["role"] = json!("primary");
    let objects = [guarded(), redis(3), primary, pod("redis", 1), pod("redis", 2)];
    let role = |spec: Value| {
        let mut budget = budget(spec);
        budget["spec"]["selector"] = json!({"matchLabels": {"role": "primary"}});
        budget
    };
    assert_eq!(code(&created(&objects, role(json!({"minAvailable": 1})))), Some("STF-BG-002"));
    // maxUnavailable is of the three the StatefulSet declares, so that two of one pod would have to stay.
    assert_eq!(code(&created(&objects, role(json!({"maxUnavailable": 1})))), Some("STF-BG-002"));
    let by_name =
        json!({"minAvailable": 1, "selector": {"matchLabels": {"statefulset.kubernetes.io/pod-name": "redis-1"}}});
    assert_eq!(code(&created(&objects, budget(by_name))), Some("STF-BG-002"));
}

#[test]
fn pods_of_no_database_count_for_the_budget_but_not_for_the_majority() {
    let web = |number: usize| {
        let mut web = pod("web", number);
        web["metadata"]["ownerReferences"] = json!([]);
        web
    };
    let selecting_all = |spec: Value| {
        let mut budget = budget(spec);
        budget["spec"]["selector"] = json!({});
        budget
    };
    let objects = [guarded(), redis(3), web(0), web(1), web(2)];
    assert_eq!(code(&created(&objects, selecting_all(json!({"minAvailable": 5})))), None);
    assert_eq!(code(&created(&objects, selecting_all(json!({"minAvailable": 3})))), Some("STF-BG-003"));
    assert_eq!(code(&created(&objects, selecting_all(json!({"minAvailable": 6})))), Some("STF-BG-002"));
}

#[test]
fn a_budget_evicts_no_more_of_a_database_than_it_selects() {
    let mut marked = pod("redis", 0);
    marked["metadata"]["labels"]["backup"] = json!("here");
    let strangers = (0..3).map(|number| {
        let mut web = pod("web", number);
        web["metadata"]["ownerReferences"] = json!([]);
        web["metadata"]["labels"]["backup"] = json!("here");
        web
    });
    let mut objects = vec![guarded(), redis(3), marked, pod("redis", 1), pod("redis", 2)];
    objects.extend(strangers);
    let mut budget = budget(json!({"minAvailable": 1}));
    budget["spec"]["selector"] = json!({"matchLabels": {"backup": "here"}});
    assert_eq!(code(&created(&objects, budget)), None, "three of four may go, but one of them is a member");
}

#[test]
fn a_pod_has_one_budget() {
    let there = named("old", json!({"maxUnavailable": 1}));
    let objects = [guarded(), redis(3), there.clone()];
    let second = created(&objects, budget(json!({"maxUnavailable": 1})));
    assert_eq!(code(&second), Some("STF-BG-001"));
    let Decision::Refuse(refusal) = &second.decision else { panic!("{second:?}") };
    assert!(
        refusal.message.contains("kubectl describe pdb ") && refusal.message.contains(" old -n shop"),
        "{refusal:?}"
    );
    assert_eq!(updated(&objects, there.clone(), there), AdmissionResponse::allow(), "it does not overlap with itself");

    let by_expression =
        json!({"maxUnavailable": 1, "selector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}});
    assert_eq!(code(&created(&objects, budget(by_expression))), Some("STF-BG-001"), "full selectors");
    let mut disjoint = named("other", json!({"maxUnavailable": 1}));
    disjoint["spec"]["selector"] = json!({"matchLabels": {"app": "web"}});
    let objects = [guarded(), redis(3), disjoint];
    assert_eq!(code(&created(&objects, budget(json!({"maxUnavailable": 1})))), None);
}

#[test]
fn the_guards_default_budget_does_not_count_as_another() {
    let own = named("stateful-guard-redis", json!({"maxUnavailable": 1}));
    assert_eq!(
        created(&[guarded(), redis(3), own.clone()], budget(json!({"maxUnavailable": 1}))),
        AdmissionResponse::allow()
    );

    let there = named("redis", json!({"maxUnavailable": 1}));
    assert_eq!(code(&created(&[guarded(), redis(3), there], own)), Some("STF-BG-001"), "and it overlaps as well");
}

#[test]
fn budgets_over_one_running_pod_overlap_too() {
    let mut primary = pod("redis", 0);
    primary["metadata"]["labels"]["role"] = json!("primary");
    let mut by_role = named("roles", json!({"maxUnavailable": 1}));
    by_role["spec"]["selector"] = json!({"matchLabels": {"role": "primary"}});
    let objects = [guarded(), redis(3), primary, pod("redis", 1), by_role];
    assert_eq!(code(&created(&objects, budget(json!({"maxUnavailable": 1})))), Some("STF-BG-001"));
}

#[test]
fn what_is_merely_unwise_is_warned_about() {
    let mut selects_nothing = budget(json!({"maxUnavailable": 0}));
    selects_nothing["spec"]["selector"] = json!({"matchLabels": {"app": "radis"}});
    let answer = created(&[guarded(), redis(3)], selects_nothing);
    assert_eq!((code(&answer), warned_codes(&answer)), (None, vec!["STF-BG-004"]));

    let mut held = budget(json!({"maxUnavailable": 1}));
    held["spec"]["unhealthyPodEvictionPolicy"] = json!(null);
    let answer = created(&[guarded(), redis(3)], held);
    assert_eq!((code(&answer), warned_codes(&answer)), (None, vec!["STF-BG-006"]));

    let mut other = database("cache", 3);
    other["metadata"]["uid"] = json!("another");
    let mut both = budget(json!({"maxUnavailable": 1}));
    both["spec"]["selector"] = json!({});
    let answer = created(&[guarded(), redis(3), other], both);
    assert_eq!((code(&answer), warned_codes(&answer)), (None, vec!["STF-BG-005"]));
}

#[test]
fn an_existing_budget_may_be_edited_and_not_made_worse() {
    let objects = [guarded(), redis(5)];
    let with = |spec: Value| budget(spec);
    let never = || with(json!({"maxUnavailable": 0}));
    let mut labelled = never();
    labelled["metadata"]["labels"] = json!({"team": "shop"});
    let answer = updated(&objects, never(), labelled);
    assert_eq!(
        (code(&answer), warned_codes(&answer)),
        (None, vec!["STF-BG-002"]),
        "a label makes it no worse, and there is a warning"
    );
    assert!(!answer.warnings[0].contains("kubectl"), "no half of a command: {:?}", answer.warnings);

    let cases = [
        (json!({"maxUnavailable": 3}), json!({"maxUnavailable": 3}), None),
        (json!({"maxUnavailable": 4}), json!({"maxUnavailable": 3}), None),
        (json!({"maxUnavailable": 3}), json!({"maxUnavailable": 4}), Some("STF-BG-003")),
        (json!({"maxUnavailable": 0}), json!({"maxUnavailable": 3}), Some("STF-BG-003")),
        (json!({"maxUnavailable": 1}), json!({"maxUnavailable": 0}), Some("STF-BG-002")),
        (json!({"maxUnavailable": 0}), json!({"maxUnavailable": 1}), None),
    ];
    for (old, new, expected) in cases {
        assert_eq!(code(&updated(&objects, with(old.clone()), with(new.clone()))), expected, "{old} to {new}");
    }
}

#[test]
fn budgets_in_unguarded_namespaces_pass() {
    let never = budget(json!({"maxUnavailable": 0}));
    assert_eq!(created(&[namespace("shop", false), redis(3)], never), AdmissionResponse::allow());
}

#[test]
fn a_policy_that_does_not_enforce_lets_it_pass() {
    let objects = |mode: &str| [guarded(), redis(3), policy(&json!({"mode": mode, "exemptUsers": ["ben"]}))];
    let never = || budget(json!({"maxUnavailable": 0}));
    let warned = created(&objects("Warn"), never());
    assert_eq!((code(&warned), warned_codes(&warned)), (None, vec!["STF-BG-002"]));
    let audited = created(&objects("Audit"), never());
    assert_eq!((code(&audited), warned_codes(&audited)), (None, vec![]));
    assert_eq!(audited.audit.get("reasons").map(String::as_str), Some("STF-BG-002"));
    assert_eq!(code(&created(&objects("Enforce"), never())), Some("STF-BG-002"));
    let mut ben = request(Operation::Create, "poddisruptionbudgets", Some(never()), None);
    ben.user = "ben".to_owned();
    assert_eq!(code(&evaluate(&ben, &model(&objects("Enforce")))), None, "who is exempt is exempt");
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..5i64).prop_map(Value::from),
        (0..110i64).prop_map(|share| Value::from(format!("{share}%"))),
        "[0-9a-z%]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,4}", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_amount_passes_without_warning_that_lets_no_pod_go(value in anything(), field in 0..2usize) {
        // Only an amount that lets one of three go, and leaves two, passes without a warning.
        let field = ["maxUnavailable", "minAvailable"][field];
        let answer = created(&[guarded(), redis(3)], budget(json!({field: value.clone()})));
        let share = |text: &str| text.strip_suffix('%').and_then(|share| share.parse::<i64>().ok());
        let amount = match &value {
            Value::Number(pods) => pods.as_i64(),
            Value::String(text) => share(text).map(|share| (share * 3 + 99) / 100),
            _ => None,
        };
        let is_good = amount == Some(if field == "maxUnavailable" { 1 } else { 2 });
        let is_silent = answer.decision == Decision::Allow && answer.warnings.is_empty();
        prop_assert_eq!(is_silent, is_good, "{} {}: {:?}", field, value, answer);
    }

    #[test]
    fn no_shape_of_a_budget_is_a_panic(spec in anything(), old in anything()) {
        let shaped = |spec: Value| json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": {"name": "redis", "namespace": "shop"}, "spec": spec});
        let _ = updated(&[guarded(), redis(3)], shaped(old), shaped(spec));
    }
}
