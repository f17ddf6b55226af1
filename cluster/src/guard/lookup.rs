//! LOOK. Objects of the kinds the guard is made of: whether they are there, and which bear a label.

use kube::api::ListParams;

use super::object::{GuardObject, ObjectKind};
use crate::{Cluster, Error, Result};

/// An object, if it is there.
pub async fn find(
    cluster: &Cluster,
    kind: &'static ObjectKind,
    namespace: Option<&str>,
    name: &str,
) -> Result<Option<GuardObject>> {
    let found = kind.api(cluster, namespace).get_opt(name).await?;
    found.map(|object| GuardObject::of(kind, &object)).transpose()
}

/// The objects of a kind that bear a label (`key=value`, or `key`), in a namespace or everywhere; of each its
/// metadata alone. None where the cluster does not know the kind.
pub async fn list_labelled(
    cluster: &Cluster,
    kind: &'static ObjectKind,
    namespace: Option<&str>,
    label: &str,
) -> Result<Vec<GuardObject>> {
    let found = kind.api(cluster, namespace).list_metadata(&ListParams::default().labels(label)).await;
    match found.map_err(Error::from) {
        Ok(list) => list.items.iter().map(|object| GuardObject::of(kind, object)).collect(),
        Err(Error::NotFound(_)) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Whether the cluster knows a kind.
pub async fn knows_kind(cluster: &Cluster, kind: &'static ObjectKind) -> Result<bool> {
    match kind.api(cluster, None).list_metadata(&ListParams::default().limit(1)).await.map_err(Error::from) {
        Ok(_) => Ok(true),
        Err(Error::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
