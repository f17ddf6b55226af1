//! TOUCH. Changes which member a Service selects.

use k8s_openapi::api::core::v1::Service;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use crate::discovery::POD_NAME;
use crate::{Cluster, FIELD_MANAGER, Result};

/// Changes the selector of a Service that selects one pod by its name to another pod. The proxies of the nodes follow
/// within a fraction of a second.
pub async fn reroute(cluster: &Cluster, namespace: &str, service: &str, member: &str, dry_run: bool) -> Result<()> {
    let services: Api<Service> = Api::namespaced(cluster.client.clone(), namespace);
    let params = PatchParams { dry_run, field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    services.patch(service, &params, &Patch::Merge(json!({"spec": {"selector": {POD_NAME: member}}}))).await?;
    Ok(())
}
