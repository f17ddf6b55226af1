//! What comes over the wire is answered, or refused as unreadable; it never ends the process, and never counts as a yes.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{read, write};
use crate::admission::request::Operation;
use crate::admission::response::{AdmissionResponse, Cause, DenialCode};

fn review() -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "u-1", "operation": "CREATE", "name": "redis-0", "namespace": "shop", "subResource": "eviction",
            "kind": {"group": "policy", "version": "v1", "kind": "Eviction"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "userInfo": {"username": "ana", "groups": ["system:authenticated"]},
            "object": {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "redis-0", "namespace": "shop"}},
            "oldObject": null, "dryRun": false, "options": {"kind": "CreateOptions"}
        }
    })
}

fn bytes(review: &Value) -> Vec<u8> {
    serde_json::to_vec(review).expect("json")
}

#[test]
fn an_eviction_is_understood_in_both_versions_and_without_its_namespace() {
    for version in ["policy/v1", "policy/v1beta1"] {
        let mut review = review();
        review["request"]["object"]["apiVersion"] = version.into();
        review["request"]["object"]["metadata"] = json!({"name": "redis-0"});
        let (_, request) = read(&bytes(&review)).expect("a request");
        assert_eq!((request.operation, request.resource.as_str()), (Operation::Create, "pods/eviction"));
        assert_eq!((request.namespace.as_str(), request.name.as_str()), ("shop", "redis-0"));
    }
}

#[test]
fn a_dry_run_is_seen_in_either_field() {
    let mut outer = review();
    outer["request"]["dryRun"] = true.into();
    let mut inner = review();
    inner["request"]["object"]["deleteOptions"] = json!({"dryRun": ["All"]});
    assert!(read(&bytes(&outer)).expect("a request").1.dry_run);
    assert!(read(&bytes(&inner)).expect("a request").1.dry_run);
    assert!(!read(&bytes(&review())).expect("a request").1.dry_run);
}

#[test]
fn an_eviction_tells_which_pod_is_meant() {
    let mut review = review();
    assert_eq!(read(&bytes(&review)).expect("a request").1.pod_uid, None);
    review["request"]["object"]["deleteOptions"] = json!({"preconditions": {"uid": "p-1"}});
    assert_eq!(read(&bytes(&review)).expect("a request").1.pod_uid.as_deref(), Some("p-1"));
    review["request"]["object"]["deleteOptions"] = json!({"preconditions": {"uid": 1}});
    assert!(read(&bytes(&review)).is_err(), "what is said and not understood is not passed over");
}

#[test]
fn of_all_else_the_objects_are_read() {
    let mut review = review();
    let node = json!({"metadata": {"name": "n1"}, "spec": {"unschedulable": true}});
    let request = &mut review["request"];
    request["resource"]["resource"] = "nodes".into();
    (request["subResource"], request["operation"]) = (Value::Null, "UPDATE".into());
    (request["object"], request["oldObject"]) = (node.clone(), json!({"metadata": {"name": "n1"}}));
    let (_, request) = read(&bytes(&review)).expect("a request");
    assert_eq!(request.new_field("/spec/unschedulable"), Some(&json!(true)));
    assert_eq!(request.old_field("/metadata/name"), Some(&json!("n1")));
    assert_eq!(request.options["kind"], "CreateOptions");
    for odd in ["object", "oldObject", "options"] {
        let mut review = review.clone();
        review["request"][odd] = json!([7]);
        assert!(read(&bytes(&review)).is_err(), "{odd} of another shape");
    }
}

#[test]
fn a_yes_is_short_and_a_change_is_json_patch() {
    let write_and_read = |answer: &AdmissionResponse| -> Value {
        let body = bytes(&review());
        let (uid, _) = read(&body).expect("a request");
        serde_json::from_slice(&write(&uid, answer).expect("bytes")).expect("json")
    };
    let yes = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "response": {"uid": "u-1", "allowed": true}});
    assert_eq!(write_and_read(&AdmissionResponse::allow()), yes);
    let patch: json_patch::Patch =
        serde_json::from_value(json!([{"op": "add", "path": "/a", "value": 1}])).expect("a patch");
    let response = write_and_read(&AdmissionResponse::change(patch.clone()))["response"].take();
    assert_eq!((&response["allowed"], &response["patchType"]), (&json!(true), &json!("JSONPatch")));
    let sent: Vec<u8> = serde_json::from_value(response["patch"].clone()).expect("bytes");
    assert_eq!(serde_json::from_slice::<json_patch::Patch>(&sent).expect("a patch"), patch);
    let warned = AdmissionResponse { warnings: vec!["mind".to_owned()], ..AdmissionResponse::allow() };
    assert_eq!(write_and_read(&warned)["response"]["warnings"], json!(["mind"]));
}

#[test]
fn a_refusal_bears_a_code_a_word_and_every_cause_and_no_retry_after() {
    let body = bytes(&review());
    let (uid, _) = read(&body).expect("a request");
    let cause = Cause { code: "STF-DB-006".to_owned(), message: "redis-3 is 9 bytes behind".to_owned() };
    let answer =
        AdmissionResponse::refuse(DenialCode::NotNow, "not now", vec![cause]).with_audit("reasons", "STF-DB-006");
    let written: Value = serde_json::from_slice(&write(&uid, &answer).expect("bytes")).expect("json");
    let response = &written["response"];
    assert_eq!(response["uid"], "u-1");
    assert_eq!(response["allowed"], false);
    assert_eq!((&response["status"]["code"], &response["status"]["reason"]), (&json!(429), &json!("TooManyRequests")));
    assert_eq!(response["status"]["details"]["causes"][0]["reason"], "STF-DB-006");
    assert!(response["status"]["details"]["retryAfterSeconds"].as_u64().unwrap_or(0) == 0, "{response}");
    assert_eq!(response["auditAnnotations"]["reasons"], "STF-DB-006");
}

#[test]
fn other_versions_kinds_and_empty_reviews_are_unreadable() {
    let with = |pointer: &str, value: Value| {
        let mut review = review();
        *review.pointer_mut(pointer).expect("a field") = value;
        read(&bytes(&review)).map(drop).map_err(|why| why.to_string())
    };
    assert!(with("/apiVersion", json!("admission.k8s.io/v1beta1")).expect_err("old").contains("v1beta1"));
    assert!(with("/apiVersion", json!("admission.k8s.io/v2")).is_err());
    assert!(with("/kind", json!("Pod")).is_err());
    assert!(with("/request", Value::Null).expect_err("empty").contains("no request"));
    assert!(with("/request/operation", json!("PATCH")).is_err());
    assert!(with("/request/userInfo", json!(7)).is_err());
    assert!(read(b"").is_err() && read(b"[]").is_err() && read(b"null").is_err() && read(&[0xff; 64]).is_err());
}

#[test]
fn deep_nesting_is_unreadable_and_costs_no_stack() {
    let mut review = bytes(&review());
    let at = review.windows(8).position(|window| window == b"\"object\"").expect("a field") + 9;
    let deep = "[".repeat(200_000) + &"]".repeat(200_000);
    review.splice(at..at, format!("{deep},\"other\":").into_bytes());
    assert!(read(&review).is_err());
}

/// Any JSON, a few levels deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z]{1,10}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Where in a review something else is put.
const PLACES: &[&str] = &[
    "/apiVersion",
    "/kind",
    "/request",
    "/request/uid",
    "/request/operation",
    "/request/name",
    "/request/namespace",
    "/request/subResource",
    "/request/kind",
    "/request/resource",
    "/request/userInfo",
    "/request/userInfo/groups",
    "/request/object",
    "/request/object/metadata",
    "/request/oldObject",
    "/request/dryRun",
    "/request/options",
];

proptest! {
    #[test]
    fn bytes_that_are_anything_never_end_the_process(body in prop::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(read(&body).is_err());
    }

    #[test]
    fn a_truncated_request_is_unreadable(cut in 1_usize..600) {
        let whole = bytes(&review());
        let cut = cut.min(whole.len() - 1);
        prop_assert!(read(&whole[..whole.len() - cut]).is_err());
    }

    #[test]
    fn a_request_with_anything_in_any_place_is_understood_or_unreadable(place in 0..PLACES.len(), value in any_json()) {
        let mut review = review();
        *review.pointer_mut(PLACES[place]).expect("a field") = value;
        // What is understood still names who and what, so that a rule can refuse it; here is only that nothing breaks.
        let body = bytes(&review);
        if let Ok((uid, request)) = read(&body) {
            prop_assert!(write(&uid, &AdmissionResponse::allow()).is_ok());
            prop_assert!(request.resource.len() < 4_096);
        }
    }
}
