//! Laws of StatefulSets.

use proptest::prelude::*;
use serde_json::{Value, json};
use stateful_cluster::inventory::Model;

use super::{evaluate, retain};
use crate::admission::request::{AdmissionRequest, Operation};
use crate::admission::response::{AdmissionResponse, Decision};
use crate::rules::fixtures::{changed, code, guarded, namespace, pod, policy, redis, request, warned_codes};

const KEPT: &str = "/spec/persistentVolumeClaimRetentionPolicy";

fn with(retention: &Value) -> Value {
    let mut set = redis(3);
    set["spec"]["persistentVolumeClaimRetentionPolicy"] = retention.clone();
    set
}

fn create(object: Value) -> AdmissionRequest {
    request(Operation::Create, "statefulsets", Some(object), None)
}

fn update(old: Value, new: Value) -> AdmissionRequest {
    request(Operation::Update, "statefulsets", Some(new), Some(old))
}

fn delete(options: Value) -> AdmissionRequest {
    AdmissionRequest { options, ..request(Operation::Delete, "statefulsets", None, Some(redis(3))) }
}

fn model(objects: &[Value]) -> Model {
    Model::of(objects, stateful_operations::engine_profiles()).expect("a model")
}

#[test]
fn claims_are_kept_whatever_the_policy_says() {
    let lost = [
        json!({"whenDeleted": "Delete"}),
        json!({"whenScaled": "Delete"}),
        json!({"whenDeleted": "Delete", "whenScaled": "Delete"}),
        json!({"whenDeleted": "Retain", "whenScaled": "Delete"}),
        json!({"whenDeleted": 5}),
        json!("Delete"),
    ];
    let retained = json!({"whenDeleted": "Retain", "whenScaled": "Retain"});
    for retention in lost {
        let fixed = retain(&create(with(&retention)), &model(&[guarded()]));
        assert_eq!(changed(&fixed, &with(&retention)).pointer(KEPT), Some(&retained), "{retention}");
        assert!(warned_codes(&fixed).contains(&"STF-ST-001"), "{retention} is changed, with a warning");
        let refused = evaluate(&create(with(&retention)), &model(&[guarded()]));
        assert_eq!(code(&refused), Some("STF-ST-001"), "{retention}, where the change was skipped");
    }
    let kept = [json!(null), json!({}), retained, json!({"whenScaled": "Retain"}), json!({"whenScaled": null})];
    for retention in kept {
        assert_eq!(retain(&create(with(&retention)), &model(&[guarded()])), AdmissionResponse::allow(), "{retention}");
        assert_eq!(
            evaluate(&create(with(&retention)), &model(&[guarded()])),
            AdmissionResponse::allow(),
            "{retention}"
        );
    }
}

#[test]
fn only_guarded_databases_are_evaluated() {
    let retention = json!({"whenDeleted": "Delete"});
    let mut web = with(&retention);
    web["spec"]["template"]["spec"]["containers"][0]["image"] = json!("nginx");
    let mut new = with(&retention);
    new["metadata"]["namespace"] = json!("new");
    let cases = [
        ("no database", web, vec![guarded()], None),
        ("no guard", with(&retention), vec![namespace("shop", false)], None),
        ("a namespace of this moment", new, vec![guarded()], Some("STF-ST-001")),
    ];
    for (what, object, objects, expected) in cases {
        let model = model(&objects);
        assert_eq!(code(&evaluate(&create(object.clone()), &model)), expected, "{what}");
        let changes = matches!(retain(&create(object), &model).decision, Decision::Change(_));
        assert_eq!(changes, expected.is_some(), "{what}");
    }
}

#[test]
fn a_statefulset_that_had_the_policy_before_may_still_be_edited() {
    let deleting = || with(&json!({"whenScaled": "Delete"}));
    let mut labelled = deleting();
    labelled["metadata"]["labels"] = json!({"a": "b"});
    let answer = evaluate(&update(deleting(), labelled), &model(&[guarded()]));
    assert_eq!((code(&answer), warned_codes(&answer)), (None, vec!["STF-ST-001"]));
    let worse = with(&json!({"whenScaled": "Delete", "whenDeleted": "Delete"}));
    assert_eq!(code(&evaluate(&update(deleting(), worse), &model(&[guarded()]))), Some("STF-ST-001"));

    let mut going = deleting();
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(
        retain(&update(going.clone(), going), &model(&[guarded()])),
        AdmissionResponse::allow(),
        "one that is going goes"
    );
}

#[test]
fn a_running_database_is_not_deleted() {
    let mut ending = pod("redis", 0);
    ending["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let mut going = guarded();
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let live = || vec![guarded(), redis(3), pod("redis", 0)];
    let background = json!({"propagationPolicy": "Background"});
    let refused = Some("STF-ST-002");
    let cases = [
        ("it runs", json!({}), live(), refused),
        ("no options at all", Value::Null, live(), refused),
        ("in the background", background.clone(), live(), refused),
        ("in the foreground", json!({"propagationPolicy": "Foreground"}), live(), refused),
        ("nonsense", json!({"propagationPolicy": 5}), live(), refused),
        ("not remembered as a database", json!({}), vec![guarded(), pod("redis", 0)], refused),
        ("pods live on", json!({"propagationPolicy": "Orphan"}), live(), None),
        ("pods live on, as it was once said", json!({"orphanDependents": true}), live(), None),
        ("no pod runs", json!({}), vec![guarded(), redis(3)], None),
        ("the last one is going", json!({}), vec![guarded(), redis(3), ending], None),
        ("its namespace goes", json!({}), vec![going, redis(3), pod("redis", 0)], None),
        ("its namespace is not guarded", json!({}), vec![namespace("shop", false), redis(3), pod("redis", 0)], None),
        ("a policy only looks on", json!({}), [live(), vec![policy(&json!({"mode": "Audit"}))]].concat(), None),
    ];
    for (what, options, objects, expected) in cases {
        assert_eq!(code(&evaluate(&delete(options), &model(&objects))), expected, "{what}");
    }
    let zero = AdmissionRequest { ..request(Operation::Delete, "statefulsets", None, Some(redis(0))) };
    assert_eq!(code(&evaluate(&zero, &model(&live()))), None, "scaled to nothing, whatever still ends");
    let mut already = redis(3);
    already["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let again = request(Operation::Delete, "statefulsets", None, Some(already));
    assert_eq!(code(&evaluate(&again, &model(&live()))), None, "it is being deleted already");
    let unread = AdmissionRequest {
        old_object: None,
        namespace: "shop".to_owned(),
        name: "redis".to_owned(),
        ..request(Operation::Delete, "statefulsets", None, None)
    };
    assert_eq!(code(&evaluate(&unread, &model(&live()))), refused, "nothing came with the request");
}

#[test]
fn a_denial_names_the_command_to_type() {
    let answer = evaluate(&delete(json!({})), &model(&[guarded(), redis(3), pod("redis", 0), pod("redis", 1)]));
    let Decision::Refuse(refusal) = answer.decision else { panic!("{answer:?}") };
    assert!(refusal.message.contains("2 of its members run"), "{}", refusal.message);
    assert!(
        refusal.message.contains("kubectl delete statefulset redis -n shop --cascade=orphan"),
        "{}",
        refusal.message
    );
}

fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[A-Za-z]{0,8}".prop_map(Value::from),
        prop::collection::vec(any::<i8>(), 0..3).prop_map(Value::from),
        prop::collection::btree_map("when(Deleted|Scaled)", any::<bool>(), 0..3)
            .prop_map(|map| Value::Object(map.into_iter().map(|(key, value)| (key, Value::from(value))).collect())),
    ]
}

proptest! {
    #[test]
    fn no_shape_passes_that_does_not_say_retain(value in anything(), field in 0..4usize) {
        let retention = match field {
            0 => json!({"whenDeleted": value.clone()}),
            1 => json!({"whenScaled": value.clone()}),
            2 => json!({"whenDeleted": "Retain", "whenScaled": value.clone()}),
            _ => value.clone(),
        };
        let is_kept = value.is_null() || value == "Retain" || (field == 3 && value == json!({}));
        let answer = evaluate(&create(with(&retention)), &model(&[guarded()]));
        prop_assert_eq!(code(&answer).is_none(), is_kept, "{}: {:?}", retention, answer);
    }

    #[test]
    fn no_shape_of_a_template_hides_a_running_database(value in anything(), place in 0..5usize) {
        let mut set = redis(3);
        let place = ["/spec/template/spec/containers/0/command", "/spec/template/spec/containers/0/args",
            "/spec/replicas", "/spec/volumeClaimTemplates", "/spec/template/spec/volumes"][place];
        if let Some(field) = set.pointer_mut(place) {
            *field = value.clone();
        }
        prop_assume!(set.pointer("/spec/replicas") != Some(&json!(0)));
        let request = request(Operation::Delete, "statefulsets", None, Some(set));
        let answer = evaluate(&request, &model(&[guarded(), pod("redis", 0)]));
        prop_assert_eq!(code(&answer), Some("STF-ST-002"), "{} {}", place, value);
    }
}
