//! THINK. An object of one of the kinds that the guard consists of, as in a manifest.

use kube::api::{Api, ApiResource, DynamicObject};
use serde::Serialize;
use serde_json::Value;

use super::names::PART_OF;
use crate::metadata::managed_by;
use crate::{Cluster, Error, Result};

/// A kind of object, by its names in the API.
#[derive(Debug, PartialEq, Eq)]
pub struct ObjectKind {
    /// The API group; empty for the core one.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// Its name in manifests: `Deployment`.
    pub kind: &'static str,
    /// Its name in paths: `deployments`.
    pub plural: &'static str,
    /// Whether its objects belong to namespaces.
    pub namespaced: bool,
    /// Whether the guard owns objects of it. Those of other kinds are read and labelled, and never deleted.
    pub ours: bool,
}

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

/// All kinds that the guard consists of, creates, reads or labels.
#[rustfmt::skip]
pub const KINDS: &[ObjectKind] = &[
    ObjectKind { group: "", version: "v1", kind: "Namespace", plural: "namespaces", namespaced: false, ours: true },
    ObjectKind { group: "apiextensions.k8s.io", version: "v1", kind: "CustomResourceDefinition", plural: "customresourcedefinitions", namespaced: false, ours: true },
    ObjectKind { group: "", version: "v1", kind: "ServiceAccount", plural: "serviceaccounts", namespaced: true, ours: true },
    ObjectKind { group: RBAC, version: "v1", kind: "ClusterRole", plural: "clusterroles", namespaced: false, ours: true },
    ObjectKind { group: RBAC, version: "v1", kind: "ClusterRoleBinding", plural: "clusterrolebindings", namespaced: false, ours: true },
    ObjectKind { group: RBAC, version: "v1", kind: "Role", plural: "roles", namespaced: true, ours: true },
    ObjectKind { group: RBAC, version: "v1", kind: "RoleBinding", plural: "rolebindings", namespaced: true, ours: true },
    ObjectKind { group: "", version: "v1", kind: "Service", plural: "services", namespaced: true, ours: true },
    ObjectKind { group: "policy", version: "v1", kind: "PodDisruptionBudget", plural: "poddisruptionbudgets", namespaced: true, ours: true },
    ObjectKind { group: "apps", version: "v1", kind: "Deployment", plural: "deployments", namespaced: true, ours: true },
    ObjectKind { group: ADMISSION, version: "v1", kind: "MutatingWebhookConfiguration", plural: "mutatingwebhookconfigurations", namespaced: false, ours: true },
    ObjectKind { group: ADMISSION, version: "v1", kind: "ValidatingWebhookConfiguration", plural: "validatingwebhookconfigurations", namespaced: false, ours: true },
    ObjectKind { group: ADMISSION, version: "v1", kind: "ValidatingAdmissionPolicy", plural: "validatingadmissionpolicies", namespaced: false, ours: true },
    ObjectKind { group: ADMISSION, version: "v1", kind: "ValidatingAdmissionPolicyBinding", plural: "validatingadmissionpolicybindings", namespaced: false, ours: true },
    ObjectKind { group: "cert-manager.io", version: "v1", kind: "Issuer", plural: "issuers", namespaced: true, ours: true },
    ObjectKind { group: "cert-manager.io", version: "v1", kind: "Certificate", plural: "certificates", namespaced: true, ours: true },
    ObjectKind { group: "monitoring.coreos.com", version: "v1", kind: "ServiceMonitor", plural: "servicemonitors", namespaced: true, ours: true },
    ObjectKind { group: "monitoring.coreos.com", version: "v1", kind: "PrometheusRule", plural: "prometheusrules", namespaced: true, ours: true },
    ObjectKind { group: "kubectl-stateful.dev", version: "v1alpha1", kind: "DisruptionPolicy", plural: "disruptionpolicies", namespaced: false, ours: true },
    ObjectKind { group: "", version: "v1", kind: "Secret", plural: "secrets", namespaced: true, ours: true },
    ObjectKind { group: "", version: "v1", kind: "ConfigMap", plural: "configmaps", namespaced: true, ours: true },
    ObjectKind { group: "", version: "v1", kind: "Pod", plural: "pods", namespaced: true, ours: false },
    ObjectKind { group: "", version: "v1", kind: "PersistentVolumeClaim", plural: "persistentvolumeclaims", namespaced: true, ours: false },
    ObjectKind { group: "", version: "v1", kind: "PersistentVolume", plural: "persistentvolumes", namespaced: false, ours: false },
    ObjectKind { group: "coordination.k8s.io", version: "v1", kind: "Lease", plural: "leases", namespaced: true, ours: true },
];

impl ObjectKind {
    /// The kind of that name.
    pub fn named(kind: &str) -> Result<&'static Self> {
        let found = KINDS.iter().find(|known| known.kind == kind);
        found.ok_or_else(|| Error::Answer(format!("the guard has no object of kind {kind}")))
    }

    /// Its group and version, as in a manifest.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The API of its objects, in a namespace or in all.
    pub(crate) fn api(&self, cluster: &Cluster, namespace: Option<&str>) -> Api<DynamicObject> {
        let resource = ApiResource {
            group: self.group.to_owned(),
            version: self.version.to_owned(),
            api_version: self.api_version(),
            kind: self.kind.to_owned(),
            plural: self.plural.to_owned(),
        };
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => Api::namespaced_with(cluster.client.clone(), namespace, &resource),
            None => Api::all_with(cluster.client.clone(), &resource),
        }
    }
}

/// An object. Its contents may be secret, so only its name is displayed.
#[derive(Clone, PartialEq)]
pub struct GuardObject {
    kind: &'static ObjectKind,
    value: Value,
}

impl GuardObject {
    /// Reads a manifest. It must have a known kind and version, and a name; else [`Error::Answer`].
    pub fn read(value: Value) -> Result<Self> {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let kind = ObjectKind::named(text("/kind"))?;
        let (version, name) = (text("/apiVersion"), text("/metadata/name"));
        if version != kind.api_version() || name.is_empty() {
            return Err(Error::Answer(format!("{} \"{name}\" of {version} cannot be read", kind.kind)));
        }
        Ok(Self { kind, value })
    }

    /// An object from the API server, whole or its metadata: objects of a list do not name their kind.
    pub(crate) fn of(kind: &'static ObjectKind, object: &impl Serialize) -> Result<Self> {
        let mut value = serde_json::to_value(object).map_err(|error| Error::Answer(error.to_string()))?;
        value["apiVersion"] = kind.api_version().into();
        value["kind"] = kind.kind.into();
        Self::read(value)
    }

    /// Its kind.
    pub fn kind(&self) -> &'static ObjectKind {
        self.kind
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.text("/metadata/name").unwrap_or_default()
    }

    /// Its namespace; `None` when its kind has none.
    pub fn namespace(&self) -> Option<&str> {
        self.text("/metadata/namespace").filter(|_| self.kind.namespaced)
    }

    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.value.pointer("/metadata/labels")?.get(key)?.as_str()
    }

    /// A text field, by its JSON pointer.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer).and_then(Value::as_str)
    }

    /// The whole object.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Whether it has the label of the guard's parts, or of the objects that this tool writes.
    pub fn is_ours(&self) -> bool {
        let (key, value) = PART_OF;
        let made = managed_by();
        self.label(key) == Some(value) || made.iter().all(|(key, value)| self.label(key) == Some(value))
    }
}

/// As kubectl names it: `deployment.apps/stateful-guard`.
impl std::fmt::Display for GuardObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dot = if self.kind.group.is_empty() { "" } else { "." };
        write!(f, "{}{dot}{}/{}", self.kind.kind.to_lowercase(), self.kind.group, self.name())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{GuardObject, KINDS};

    #[test]
    fn a_kind_is_listed_once() {
        for (index, kind) in KINDS.iter().enumerate() {
            assert!(KINDS[..index].iter().all(|other| other.kind != kind.kind), "{} is there twice", kind.kind);
        }
    }

    #[test]
    fn an_object_without_either_label_is_not_ours() {
        let with = |labels: serde_json::Value| {
            let value = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "labels": labels}});
            GuardObject::read(value).expect("an object").is_ours()
        };
        assert!(with(json!({"app.kubernetes.io/part-of": "stateful-guard"})));
        assert!(with(json!({"app.kubernetes.io/managed-by": "kubectl-stateful"})));
        assert!(!with(json!({"app.kubernetes.io/part-of": "shop"})));
        assert!(!with(json!({"app.kubernetes.io/name": "stateful-guard"})));
        assert!(!with(json!(null)));
    }

    #[test]
    fn another_version_of_a_kind_is_refused() {
        let value = json!({"apiVersion": "apps/v1beta1", "kind": "Deployment", "metadata": {"name": "a"}});
        assert!(GuardObject::read(value).is_err());
    }
}
