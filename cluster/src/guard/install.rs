//! TOUCH. Applies the guard's own objects to a cluster, and deletes them.
//!
//! An object is read just before its deletion, must carry this tool's label, and is deleted by its UID, so that an object of
//! others, or a new one of the same name, is never deleted.

use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use serde_json::{Value, json};

use super::object::{GuardObject, ObjectKind};
use crate::{Cluster, Error, FIELD_MANAGER, Result};

/// The outcome of applying an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It did not exist.
    Created,
    /// It existed and was changed.
    Configured,
    /// It was so already.
    Unchanged,
}

/// Applies a manifest (server-side apply, forced): its fields become as the manifest says, whichever manager wrote them before;
/// other fields stay. Repeating it changes nothing.
pub async fn apply(cluster: &Cluster, object: &GuardObject, dry_run: bool) -> Result<Applied> {
    let objects = object.kind().api(cluster, object.namespace());
    let before = objects.get_opt(object.name()).await?;
    let params = PatchParams { dry_run, ..PatchParams::apply(FIELD_MANAGER).force() };
    let after = objects.patch(object.name(), &params, &Patch::Apply(object.value())).await?;
    let Some(before) = before else { return Ok(Applied::Created) };
    let (before, after) = (GuardObject::of(object.kind(), &before)?, GuardObject::of(object.kind(), &after)?);
    Ok(if declared(&before) == declared(&after) { Applied::Unchanged } else { Applied::Configured })
}

/// An object without the fields that the API server and controllers write.
fn declared(object: &GuardObject) -> Value {
    let mut value = object.value().clone();
    if let Some(fields) = value.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = value.pointer_mut("/metadata").and_then(Value::as_object_mut) {
        metadata.retain(|field, _| ["name", "namespace", "labels", "annotations"].contains(&field.as_str()));
        // The revision of a Deployment.
        if let Some(notes) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            notes.retain(|key, _| !key.starts_with("deployment.kubernetes.io/"));
        }
    }
    value
}

/// Deletes an object, if it exists and is ours, and returns whether it did. [`Error::Conflict`] when it exists and is not ours.
/// Only its metadata is read: it may be a Secret.
#[expect(clippy::disallowed_methods, reason = "the guard's own objects, by label and UID; never a pod")]
pub async fn remove(cluster: &Cluster, object: &GuardObject) -> Result<bool> {
    let objects = object.kind().api(cluster, object.namespace());
    let Some(there) = objects.get_metadata_opt(object.name()).await? else { return Ok(false) };
    let there = GuardObject::of(object.kind(), &there)?;
    if !object.kind().ours || !there.is_ours() {
        return Err(Error::Conflict(format!("{there} is not ours to delete")));
    }
    let uid = there.text("/metadata/uid").map(ToOwned::to_owned);
    let params =
        DeleteParams { preconditions: Some(Preconditions { uid, resource_version: None }), ..DeleteParams::default() };
    match objects.delete(object.name(), &params).await.map_err(Error::from) {
        Ok(_) => Ok(true),
        Err(Error::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Sets a label of a namespace or a volume, or removes it. Repeating it changes nothing.
pub async fn set_label(
    cluster: &Cluster,
    kind: &'static ObjectKind,
    name: &str,
    label: (&str, Option<&str>),
    dry_run: bool,
) -> Result<()> {
    let (key, value) = label;
    let params = PatchParams { dry_run, field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let change = json!({"metadata": {"labels": {key: value}}});
    kind.api(cluster, None).patch(name, &params, &Patch::Merge(change)).await?;
    Ok(())
}
