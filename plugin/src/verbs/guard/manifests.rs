//! THINK. The manifests, as `kubectl apply -k manifests` would apply them, with the options applied.
//!
//! The files are compiled into this binary, so that what is installed always fits its version.

use serde::Deserialize;
use serde_json::{Value, json};
use stateful_cluster::guard::names::{GUARD, SECRET_GRANT};
use stateful_cluster::guard::object::GuardObject;

use crate::cli::LabelRequirement;
use crate::exit::Exit;
use crate::failure::Failure;

/// The guard's own namespace, unless another one is named.
pub(super) const NAMESPACE: &str = "kubectl-stateful";

/// Everything that is applied, in this order.
const FILES: &[&str] = &[
    include_str!("../../../../manifests/guard/namespace.yaml"),
    include_str!("../../../../manifests/crd/disruptionpolicies.yaml"),
    include_str!("../../../../manifests/guard/service-account.yaml"),
    include_str!("../../../../manifests/guard/cluster-role.yaml"),
    include_str!("../../../../manifests/guard/cluster-role-binding.yaml"),
    include_str!("../../../../manifests/guard/role.yaml"),
    include_str!("../../../../manifests/guard/role-binding.yaml"),
    include_str!("../../../../manifests/guard/service.yaml"),
    include_str!("../../../../manifests/guard/pod-disruption-budget.yaml"),
    include_str!("../../../../manifests/guard/deployment.yaml"),
    include_str!("../../../../manifests/guard/mutating-webhook-configuration.yaml"),
    include_str!("../../../../manifests/guard/validating-webhook-configuration.yaml"),
    include_str!("../../../../manifests/policies/budgets.yaml"),
    include_str!("../../../../manifests/policies/claim-retention.yaml"),
    include_str!("../../../../manifests/policies/storage-classes.yaml"),
    include_str!("../../../../manifests/policies/volumes.yaml"),
];

/// Objects added by `--cert-manager`, applied before everything that needs the certificate.
const ISSUED: &[&str] = &[
    include_str!("../../../../manifests/cert-manager/issuer.yaml"),
    include_str!("../../../../manifests/cert-manager/certificate.yaml"),
];

/// Patches of `--cert-manager`: each is merged into the object of its name.
const LAID_OVER: &[&str] = &[
    include_str!("../../../../manifests/cert-manager/deployment.yaml"),
    include_str!("../../../../manifests/cert-manager/role.yaml"),
    include_str!("../../../../manifests/cert-manager/mutating-webhook-configuration.yaml"),
    include_str!("../../../../manifests/cert-manager/validating-webhook-configuration.yaml"),
];

/// The options.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// The guard's own namespace.
    pub(super) namespace: String,
    /// What a namespace's labels must match besides the guard's label.
    pub(super) selectors: Vec<LabelRequirement>,
    /// How many replicas.
    pub(super) replicas: u32,
    /// The image; that of this version without one.
    pub(super) image: Option<String>,
    /// Whether cert-manager issues the certificate.
    pub(super) cert_manager: bool,
}

/// The objects, in the order in which they are applied.
pub(super) fn objects(options: &Options) -> Result<Vec<GuardObject>, Failure> {
    let issued = if options.cert_manager { ISSUED } else { &[] };
    let overlays = if options.cert_manager { documents(LAID_OVER)? } else { Vec::new() };
    let mut objects = documents(FILES)?;
    let workload = objects.iter().position(|object| object["kind"] == "Deployment").unwrap_or(objects.len());
    objects.splice(workload..workload, documents(issued)?);
    for object in &mut objects {
        if let Some(overlay) = overlays.iter().find(|overlay| same(overlay, object)) {
            lay_over(object, overlay);
        }
        match object["kind"].as_str() {
            Some("Deployment") => run(object, options),
            // A CRD has a field of that name, which is no selector.
            Some("CustomResourceDefinition") => {}
            _ => narrow(object, &options.selectors),
        }
        move_to(object, &options.namespace);
    }
    objects.into_iter().map(|object| GuardObject::read(object).map_err(|error| unreadable(&error))).collect()
}

/// The Role that lets the guard read Secrets of a namespace, and its binding; all of them where none is named.
pub(super) fn grant(namespace: &str, guard: &str, secrets: &[String]) -> Result<[GuardObject; 2], Failure> {
    let metadata = json!({
        "name": SECRET_GRANT,
        "namespace": namespace,
        "labels": {"app.kubernetes.io/name": GUARD, "app.kubernetes.io/part-of": GUARD},
    });
    let mut rule = json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]});
    if !secrets.is_empty() {
        rule["resourceNames"] = json!(secrets);
    }
    let group = "rbac.authorization.k8s.io";
    let role = json!({
        "apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": metadata, "rules": [rule],
    });
    let binding = json!({
        "apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": "Role", "name": SECRET_GRANT},
        "subjects": [{"kind": "ServiceAccount", "name": GUARD, "namespace": guard}],
    });
    let read = |object: Value| GuardObject::read(object).map_err(|error| unreadable(&error));
    Ok([read(role)?, read(binding)?])
}

/// A webhook configuration whose webhooks let requests pass while the guard cannot be asked, except those `closed` is true for.
pub(super) fn opened(configuration: &GuardObject, closed: impl Fn(&str) -> bool) -> Result<GuardObject, Failure> {
    let mut value = configuration.value().clone();
    for hook in value["webhooks"].as_array_mut().into_iter().flatten() {
        if !hook["name"].as_str().is_some_and(&closed) {
            hook["failurePolicy"] = json!("Ignore");
        }
    }
    GuardObject::read(value).map_err(|error| unreadable(&error))
}

/// A mistake in this build, not in the command line.
fn unreadable(why: &impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Error, format!("the manifests of this version cannot be read: {why}"))
}

fn documents(files: &[&str]) -> Result<Vec<Value>, Failure> {
    let documents = files.iter().flat_map(|file| serde_yaml::Deserializer::from_str(file));
    documents.map(|document| Value::deserialize(document).map_err(|error| unreadable(&error))).collect()
}

fn same(one: &Value, other: &Value) -> bool {
    ["/kind", "/metadata/name"].iter().all(|pointer| one.pointer(pointer) == other.pointer(pointer))
}

/// Merges a patch into an object as kustomize does, as far as our patches need it: maps are merged, a Pod's containers by
/// name, and any other list replaces the one before.
fn lay_over(object: &mut Value, overlay: &Value) {
    match (object, overlay) {
        (Value::Object(fields), Value::Object(over)) => {
            for (name, value) in over {
                lay_over(fields.entry(name).or_insert(Value::Null), value);
            }
        }
        (Value::Array(items), Value::Array(over)) if over.iter().all(|item| item.get("name").is_some()) => {
            for item in items {
                if let Some(value) = over.iter().find(|value| value["name"] == item["name"]) {
                    lay_over(item, value);
                }
            }
        }
        (object, overlay) => *object = overlay.clone(),
    }
}

/// Sets replicas and image.
fn run(deployment: &mut Value, options: &Options) {
    deployment["spec"]["replicas"] = json!(options.replicas);
    if let (Some(image), Some(container)) = (&options.image, deployment.pointer_mut("/spec/template/spec/containers/0"))
    {
        container["image"] = json!(image);
    }
}

/// Adds these requirements to every `namespaceSelector`.
fn narrow(object: &mut Value, selectors: &[LabelRequirement]) {
    match object {
        Value::Object(fields) => {
            if let Some(Value::Object(selector)) = fields.get_mut("namespaceSelector")
                && let Value::Array(expressions) = selector.entry("matchExpressions").or_insert_with(|| json!([]))
            {
                expressions.extend(selectors.iter().map(LabelRequirement::expression));
            }
            fields.values_mut().for_each(|field| narrow(field, selectors));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| narrow(item, selectors)),
        _ => {}
    }
}

/// Replaces the namespace wherever a field names it: alone, before an object's name, or in a Service's DNS name.
fn move_to(object: &mut Value, namespace: &str) {
    match object {
        Value::Object(fields) => fields.values_mut().for_each(|field| move_to(field, namespace)),
        Value::Array(items) => items.iter_mut().for_each(|item| move_to(item, namespace)),
        Value::String(text) if text == NAMESPACE => namespace.clone_into(text),
        Value::String(text) if *text == format!("{NAMESPACE}/{GUARD}") => *text = format!("{namespace}/{GUARD}"),
        Value::String(text) if *text == format!("{GUARD}.{NAMESPACE}.svc") => {
            *text = format!("{GUARD}.{namespace}.svc");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
