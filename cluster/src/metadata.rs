//! THINK. Labels, annotations and owners: what the metadata of an object says, and what this tool writes into its own.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use stateful_safety::Workload;

use crate::PREFIX;

/// The labels of an object.
pub type Labels = BTreeMap<String, String>;

/// The label that every object this tool writes carries, as a label selector.
pub(crate) const MANAGED_BY: &str = "app.kubernetes.io/managed-by=kubectl-stateful";

/// The same label, as an object carries it.
pub(crate) fn managed_by() -> Labels {
    MANAGED_BY.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect()
}

/// The annotations under this tool's prefix, by their names without it.
pub(crate) fn own_annotations(annotations: Option<&BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let all = annotations.into_iter().flatten();
    all.filter_map(|(key, value)| Some((key.strip_prefix(PREFIX)?.to_owned(), value.clone()))).collect()
}

/// An owner reference to the StatefulSet of a workload: the garbage collector deletes the object with it.
pub(crate) fn owner_reference(workload: &Workload) -> OwnerReference {
    OwnerReference {
        api_version: "apps/v1".to_owned(),
        kind: "StatefulSet".to_owned(),
        name: workload.id.name.clone(),
        uid: workload.uid.clone(),
        ..OwnerReference::default()
    }
}
