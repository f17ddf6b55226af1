//! Objects for the rules' tests, and how a test reads a response.

use serde_json::{Value, json};

use crate::admission::request::{AdmissionRequest, Operation};
use crate::admission::response::{AdmissionResponse, Decision};

/// A namespace.
pub(crate) fn namespace(name: &str, guarded: bool) -> Value {
    let label = if guarded { "enabled" } else { "no" };
    json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name, "labels": {"kubectl-stateful.dev/guard": label}}})
}

/// The guarded namespace `shop`.
pub(crate) fn guarded() -> Value {
    namespace("shop", true)
}

/// A database called `redis` in `shop`.
pub(crate) fn redis(replicas: usize) -> Value {
    database("redis", replicas)
}

/// A database of a name.
pub(crate) fn database(name: &str, replicas: usize) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": "shop", "uid": "set-of-redis", "labels": {"team": name}},
        "spec": {
            "replicas": replicas, "serviceName": name, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "server", "image": "redis:8.0"}]}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}}]}})
}

/// A pod of the database whose UID is `set-of-redis`.
pub(crate) fn pod(set: &str, ordinal: usize) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("{set}-{ordinal}"), "namespace": "shop", "uid": format!("pod-{ordinal}"),
            "labels": {"app": set},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": set, "uid": "set-of-redis",
                "controller": true}]},
        "spec": {"nodeName": "n1", "containers": []},
        "status": {"phase": "Running"}})
}

/// A policy for every database.
pub(crate) fn policy(spec: &Value) -> Value {
    json!({"apiVersion": "kubectl-stateful.dev/v1alpha1", "kind": "DisruptionPolicy", "metadata": {"name": "all"},
        "spec": spec})
}

/// An request on an object, by Ana.
pub(crate) fn request(
    operation: Operation,
    resource: &str,
    object: Option<Value>,
    old: Option<Value>,
) -> AdmissionRequest {
    let sent = object.as_ref().or(old.as_ref());
    let text = |pointer: &str| sent.and_then(|sent| sent.pointer(pointer)?.as_str()).unwrap_or_default().to_owned();
    AdmissionRequest {
        operation,
        resource: resource.to_owned(),
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name"),
        user: "ana".to_owned(),
        groups: Vec::new(),
        dry_run: false,
        pod_uid: None,
        object,
        old_object: old,
        options: Value::Null,
    }
}

/// The first reason of a refusal; none when it passes.
pub(crate) fn code(answer: &AdmissionResponse) -> Option<&str> {
    match &answer.decision {
        Decision::Refuse(refusal) => refusal.causes.first().map(|cause| cause.code.as_str()),
        Decision::Allow | Decision::Change(_) => None,
    }
}

/// The codes of the warnings, in their order.
pub(crate) fn warned_codes(answer: &AdmissionResponse) -> Vec<&str> {
    answer.warnings.iter().filter_map(|line| line.find("STF-").and_then(|at| line.get(at..at + 10))).collect()
}

/// An object with the changes of an answer.
pub(crate) fn changed(answer: &AdmissionResponse, object: &Value) -> Value {
    let Decision::Change(patch) = &answer.decision else { panic!("nothing is changed: {answer:?}") };
    let mut object = object.clone();
    json_patch::patch(&mut object, patch).expect("a patch that fits");
    object
}
