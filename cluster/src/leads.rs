//! LOOK. Where a Service leads at this moment.

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, ListParams};

use crate::{Cluster, Result};

/// Whether a Service leads to one pod, and to nobody else: what every node's proxy is told, and follows within a fraction
/// of a second.
pub async fn leads_to(cluster: &Cluster, namespace: &str, service: &str, pod: &str) -> Result<bool> {
    let slices: Api<EndpointSlice> = Api::namespaced(cluster.client.clone(), namespace);
    let of_service = ListParams::default().labels(&format!("kubernetes.io/service-name={service}"));
    let slices = slices.list(&of_service).await?;
    let endpoints = slices.items.iter().flat_map(|slice| slice.endpoints.iter());
    let serving: Vec<Option<&str>> = endpoints
        .filter(|endpoint| endpoint.conditions.as_ref().is_none_or(|told| told.ready != Some(false)))
        .map(|endpoint| endpoint.target_ref.as_ref().and_then(|target| target.name.as_deref()))
        .collect();
    Ok(!serving.is_empty() && serving.iter().all(|name| *name == Some(pod)))
}
