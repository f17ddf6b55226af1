//! Laws of volumes.

use serde_json::{Value, json};
use stateful_cluster::inventory::Model;

use super::{evaluate, retain};
use crate::admission::request::Operation;
use crate::admission::response::{AdmissionResponse, Decision};
use crate::rules::fixtures::{changed, code, database, guarded, namespace, policy, redis, request, warned_codes};

fn volume(policy: &Value, claim_in: &str, labelled: bool) -> Value {
    let mut volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "pv-1"},
        "spec": {"persistentVolumeReclaimPolicy": policy,
            "claimRef": {"namespace": claim_in, "name": "data-redis-0"}}});
    if labelled {
        volume["metadata"]["labels"] = json!({"kubectl-stateful.dev/guard": "enabled"});
    }
    volume
}

fn model() -> Model {
    Model::of(&[guarded(), namespace("attic", false), redis(3)], stateful_operations::engine_profiles())
        .expect("a model")
}

fn created(object: &Value) -> AdmissionResponse {
    retain(&request(Operation::Create, "persistentvolumes", Some(object.clone()), None), &model())
}

fn updated(old: Value, new: Value) -> AdmissionResponse {
    evaluate(&request(Operation::Update, "persistentvolumes", Some(new), Some(old)), &model())
}

#[test]
fn a_guarded_claims_new_volume_is_kept_and_labelled() {
    let mut bare = volume(&json!("Delete"), "shop", false);
    bare["metadata"]["labels"] = json!({"zone": "a"});
    for object in [volume(&json!("Delete"), "shop", false), volume(&json!("Recycle"), "shop", true), bare] {
        let answer = created(&object);
        let fixed = changed(&answer, &object);
        assert_eq!(fixed["spec"]["persistentVolumeReclaimPolicy"], "Retain", "{object}");
        assert_eq!(fixed["metadata"]["labels"]["kubectl-stateful.dev/guard"], "enabled", "{object}");
        assert_eq!(fixed["metadata"]["labels"]["zone"], object["metadata"]["labels"]["zone"], "{object}");
        assert_eq!(warned_codes(&answer), ["STF-ST-004"]);
    }
    let kept = created(&volume(&json!("Retain"), "shop", false));
    assert!(matches!(kept.decision, Decision::Change(_)) && kept.warnings.is_empty(), "labelled, in silence: {kept:?}");
    assert_eq!(created(&volume(&json!("Retain"), "shop", true)), AdmissionResponse::allow());
    assert_eq!(created(&volume(&json!("Delete"), "attic", false)), AdmissionResponse::allow());
    let mut free = volume(&json!("Delete"), "shop", false);
    free["spec"]["claimRef"] = json!(null);
    assert_eq!(created(&free), AdmissionResponse::allow(), "no claim uses it yet");
}

#[test]
fn retain_cannot_be_changed_into_another_policy() {
    let (retain, delete) = (json!("Retain"), json!("Delete"));
    let mut dropped = volume(&delete, "shop", false);
    dropped["spec"]["claimRef"] = json!(null);
    let mut free = volume(&retain, "shop", false);
    free["spec"]["claimRef"] = json!(null);
    let refused = Some("STF-ST-004");
    let cases = [
        ("to Delete", volume(&retain, "shop", false), volume(&delete, "shop", false), refused),
        ("to Recycle", volume(&retain, "shop", false), volume(&json!("Recycle"), "shop", false), refused),
        ("to nonsense", volume(&retain, "shop", false), volume(&json!([]), "shop", false), refused),
        ("the claim is dropped in one go", volume(&retain, "shop", false), dropped.clone(), refused),
        ("it is bound and changed in one go", free.clone(), volume(&delete, "shop", false), refused),
        ("the label alone counts", volume(&retain, "attic", true), volume(&delete, "attic", false), refused),
        ("the claim was dropped before", free, dropped, None),
        ("another namespace's", volume(&retain, "attic", false), volume(&delete, "attic", false), None),
        ("it was Delete before", volume(&delete, "shop", false), volume(&delete, "shop", true), None),
        ("back to Retain", volume(&delete, "shop", false), volume(&retain, "shop", false), None),
    ];
    for (what, old, new, expected) in cases {
        assert_eq!(code(&updated(old, new)), expected, "{what}");
    }
    let mut unreadable = volume(&retain, "shop", false);
    unreadable["spec"]["claimRef"] = json!("shop/data");
    assert_eq!(code(&updated(unreadable, volume(&delete, "attic", false))), refused, "unknown is unsafe");
}

#[test]
fn a_policy_in_audit_mode_changes_nothing() {
    let mut other = database("cache", 3);
    other["metadata"]["uid"] = json!("another");
    let team = json!({"mode": "Audit", "workloadSelector": {"matchLabels": {"team": "redis"}}});
    let model = Model::of(&[guarded(), redis(3), other, policy(&team)], stateful_operations::engine_profiles())
        .expect("a model");
    let object = volume(&json!("Delete"), "shop", false);
    let answer = retain(&request(Operation::Create, "persistentvolumes", Some(object), None), &model);
    assert_eq!((answer.decision, answer.warnings.len()), (Decision::Allow, 0));
    assert_eq!(answer.audit.get("reasons").map(String::as_str), Some("STF-ST-004"));
}
