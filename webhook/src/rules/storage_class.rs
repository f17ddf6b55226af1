//! THINK. Storage classes (`storageclasses` CREATE).
//!
//! What it stops. Nothing by itself: a class serves many, and some of them need nothing kept. One whose volumes go with
//! their claims is told so when it is made, since that cannot be changed later. With the label
//! `kubectl-stateful.dev/guard: enabled` it is said to be for databases, and changed to Retain.
//!
//! Why a budget is not enough. Budgets count pods; a class is no pod.
//!
//! How kubectl drain takes it. It never comes here.
//!
//! How to pass. Leave the label off. Volumes for guarded namespaces are kept all the same: see `volume`.

use serde_json::{Value, json};
use stateful_cluster::inventory::Model;
use stateful_safety::ConfigViolation;

use crate::admission::request::AdmissionRequest;
use crate::admission::response::AdmissionResponse;
use crate::rules::object_rules;

/// Answers a class that is made.
pub(crate) fn evaluate(request: &AdmissionRequest, model: &Model) -> AdmissionResponse {
    let Some(object) = &request.object else {
        return AdmissionResponse::allow();
    };
    let says = policy(object);
    if says == "Retain" {
        return AdmissionResponse::allow();
    }
    let violations = [ConfigViolation::ClassNotKeeping { class: object_rules::name(request), says }];
    if object_rules::is_labelled(object) {
        return object_rules::respond_with_fix(
            request,
            model,
            &[],
            &violations,
            vec![(&["reclaimPolicy"], json!("Retain"))],
        );
    }
    object_rules::respond(request, model, &[], &[], &violations)
}

/// What becomes of its volumes' disks. Without a word they are deleted.
fn policy(object: &Value) -> String {
    match object.pointer("/reclaimPolicy") {
        None | Some(Value::Null) => "Delete".to_owned(),
        Some(Value::String(word)) => word.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use stateful_cluster::inventory::Model;

    use super::evaluate;
    use crate::admission::request::Operation;
    use crate::admission::response::{AdmissionResponse, Decision};
    use crate::rules::fixtures::{changed, request};

    fn class(policy: &Value, label: &Value) -> Value {
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "a.test",
            "metadata": {"name": "fast", "labels": {"kubectl-stateful.dev/guard": label}}, "reclaimPolicy": policy})
    }

    fn answer(object: Value) -> AdmissionResponse {
        evaluate(
            &request(Operation::Create, "storageclasses", Some(object), None),
            &Model::new(stateful_operations::engine_profiles()),
        )
    }

    #[test]
    fn a_class_that_keeps_nothing_is_told_and_one_for_databases_is_changed() {
        let kept = answer(class(&json!("Retain"), &json!("no")));
        assert_eq!(kept, AdmissionResponse::allow());
        for policy in [json!("Delete"), json!(null), json!(5)] {
            let told = answer(class(&policy, &json!("no")));
            assert_eq!((told.decision, told.warnings.len()), (Decision::Allow, 1), "{policy}");
            let object = class(&policy, &json!("enabled"));
            let respond_with_fix = answer(object.clone());
            assert_eq!(changed(&respond_with_fix, &object)["reclaimPolicy"], "Retain", "{policy}");
            assert!(respond_with_fix.warnings[0].contains("STF-ST-005"), "{respond_with_fix:?}");
        }
    }
}
