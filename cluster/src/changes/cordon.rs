//! TOUCH. The flag of a node that keeps the scheduler from placing new pods on it (`spec.unschedulable`).

use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use crate::{Cluster, FIELD_MANAGER, Result};

/// LOOK. Whether the node is cordoned. [`crate::Error::NotFound`] when there is no such node.
pub async fn is_cordoned(cluster: &Cluster, node: &str) -> Result<bool> {
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let node = nodes.get(node).await?;
    Ok(node.spec.and_then(|spec| spec.unschedulable).unwrap_or(false))
}

/// Cordons or uncordons the node. Repeating it changes nothing.
pub async fn set(cluster: &Cluster, node: &str, cordoned: bool, dry_run: bool) -> Result<()> {
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let params = PatchParams { dry_run, field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    nodes.patch(node, &params, &Patch::Merge(json!({"spec": {"unschedulable": cordoned}}))).await?;
    Ok(())
}
