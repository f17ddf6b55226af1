//! LOOK. Finds objects of the kinds that the guard consists of.

use kube::api::ListParams;

use super::object::{GuardObject, ObjectKind};
use crate::{Cluster, Error, Result};

/// The object of that name; `None` when there is none.
pub async fn find(
    cluster: &Cluster,
    kind: &'static ObjectKind,
    namespace: Option<&str>,
    name: &str,
) -> Result<Option<GuardObject>> {
    let found = kind.api(cluster, namespace).get_opt(name).await?;
    found.map(|object| GuardObject::of(kind, &object)).transpose()
}

/// The objects of a kind with a label (`key=value`, or `key`), in a namespace or in all; their metadata only. Empty when the
/// kind is not installed.
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

/// Whether the cluster serves a kind.
pub async fn knows_kind(cluster: &Cluster, kind: &'static ObjectKind) -> Result<bool> {
    match kind.api(cluster, None).list_metadata(&ListParams::default().limit(1)).await.map_err(Error::from) {
        Ok(_) => Ok(true),
        Err(Error::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
