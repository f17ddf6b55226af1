//! What is asked: an eviction as `kubectl drain --dry-run=server` posts it, and the review an API server makes of one.

use serde_json::{Value, json};

/// The label by which the webhooks of this bench are told whom a question is for: an Eviction's own labels are all that
/// an object selector sees of it.
pub(crate) const LABEL: &str = "stateful-bench/ask";

/// With this label the policy says no: so one can tell that it is in force.
pub(crate) const REFUSE: &str = "stateful-bench/refuse";

/// A dry run of an eviction; nothing comes of it.
pub(crate) fn eviction(namespace: &str, pod: &str, ask: &str) -> Value {
    json!({
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": namespace, "labels": {LABEL: ask}},
        "deleteOptions": {"dryRun": ["All"]},
    })
}

/// The review of it.
pub(crate) fn review(namespace: &str, pod: &str) -> String {
    let kind = json!({"group": "policy", "version": "v1", "kind": "Eviction"});
    let resource = json!({"group": "", "version": "v1", "resource": "pods"});
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": kind,
            "resource": resource,
            "subResource": "eviction",
            "requestKind": kind,
            "requestResource": resource,
            "requestSubResource": "eviction",
            "name": pod,
            "namespace": namespace,
            "operation": "CREATE",
            "userInfo": {"username": "admin", "groups": ["system:masters", "system:authenticated"]},
            "object": eviction(namespace, pod, "direct"),
            "oldObject": null,
            "dryRun": false,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    })
    .to_string()
}
