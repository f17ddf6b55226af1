//! THINK. Which other controllers write a StatefulSet, by the API server's record of field managers.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;

use crate::FIELD_MANAGER;

/// Controllers that apply objects from a repository, and their names. They revert a patch of the fields they manage.
const REPOSITORIES: &[(&str, &str)] = &[
    ("argocd", "Argo CD"),
    ("argo-cd", "Argo CD"),
    ("kustomize-controller", "Flux"),
    ("helm-controller", "Flux"),
    ("fleet", "Fleet"),
];

/// The controller that applies the pod template from a repository, if there is one.
pub(crate) fn template_owner(set: &StatefulSet) -> Option<String> {
    managers(set).find_map(repository)
}

/// The controller that keeps setting the number of replicas, if there is one. A person who scaled once with kubectl does not.
pub(crate) fn replicas_owner(set: &StatefulSet) -> Option<String> {
    let writes = |fields: &&ManagedFieldsEntry| {
        fields.fields_v1.as_ref().is_some_and(|fields| fields.0.pointer("/f:spec/f:replicas").is_some())
    };
    managers(set).filter(writes).find_map(|fields| {
        let manager = fields.manager.as_deref()?;
        let once = manager.starts_with("kubectl") || manager == FIELD_MANAGER;
        // An autoscaler writes only through the scale subresource.
        let scales = fields.subresource.as_deref() == Some("scale") && !once;
        repository(fields).or_else(|| scales.then(|| format!("an autoscaler ({manager})")))
    })
}

fn managers(set: &StatefulSet) -> impl Iterator<Item = &ManagedFieldsEntry> {
    set.metadata.managed_fields.iter().flatten()
}

fn repository(fields: &ManagedFieldsEntry) -> Option<String> {
    let manager = fields.manager.as_deref()?;
    REPOSITORIES.iter().find(|(mark, _)| manager.starts_with(mark)).map(|(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::StatefulSet;
    use serde_json::json;

    use super::{replicas_owner, template_owner};

    fn set(manager: &str, subresource: &str, field: &str) -> StatefulSet {
        let fields = json!({"manager": manager, "subresource": subresource, "fieldsV1": {"f:spec": {field: {}}}});
        serde_json::from_value(json!({"metadata": {"managedFields": [fields]}})).expect("a StatefulSet")
    }

    #[test]
    fn the_controller_that_keeps_setting_the_replicas_is_named() {
        let of = |manager: &str, subresource: &str, field: &str| replicas_owner(&set(manager, subresource, field));
        assert_eq!(of("argocd-controller", "", "f:replicas").as_deref(), Some("Argo CD"));
        assert_eq!(of("argocd-controller", "", "f:template"), None, "it does not write that field");
        let autoscaler = of("kube-controller-manager", "scale", "f:replicas");
        assert_eq!(autoscaler.as_deref(), Some("an autoscaler (kube-controller-manager)"));
        assert_eq!(of("kubectl-client-side-apply", "", "f:replicas"), None, "a person, once");
        assert_eq!(of("kubectl", "scale", "f:replicas"), None, "the same");
        assert_eq!(of("kubectl-stateful", "", "f:replicas"), None, "ourselves");
        assert_eq!(template_owner(&set("argocd-controller", "", "f:template")).as_deref(), Some("Argo CD"));
    }
}
