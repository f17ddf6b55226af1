//! THINK. Storage classes (`storageclasses` CREATE).
//!
//! What it stops. Nothing by itself: a class serves many workloads, and some of them keep no data. A class whose volumes
//! are deleted with their claims gets a warning when it is created, since its reclaim policy cannot be changed later. A
//! class with the label `kubectl-stateful.dev/guard: enabled` is for databases, and is changed to Retain.
//!
//! Why a budget is not enough. Budgets count pods; a class is no pod.
//!
//! How kubectl drain takes it. It creates no storage class.
//!
//! How to pass. Leave the label off. Volumes for guarded namespaces are kept all the same: see `volume`.

use serde_json::{Value, json};
use stateful_cluster::inventory::Model;
use stateful_safety::ConfigViolation;

use crate::admission::request::AdmissionRequest;
use crate::admission::response::AdmissionResponse;
use crate::rules::object_rules;

/// Evaluates a new class.
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

/// The reclaim policy of its volumes. The API server's default is Delete.
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
    fn a_class_that_deletes_disks_is_warned_about_and_one_for_databases_is_changed() {
        let kept = answer(class(&json!("Retain"), &json!("no")));
        assert_eq!(kept, AdmissionResponse::allow());
        for policy in [json!("Delete"), json!(null), json!(5)] {
            let warned = answer(class(&policy, &json!("no")));
            assert_eq!((warned.decision, warned.warnings.len()), (Decision::Allow, 1), "{policy}");
            let object = class(&policy, &json!("enabled"));
            let fixed = answer(object.clone());
            assert_eq!(changed(&fixed, &object)["reclaimPolicy"], "Retain", "{policy}");
            assert!(fixed.warnings[0].contains("STF-ST-005"), "{fixed:?}");
        }
    }
}
