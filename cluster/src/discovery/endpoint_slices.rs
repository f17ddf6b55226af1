//! LOOK. Which pods a Service leads to now.

use std::collections::BTreeSet;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, ListParams};

use crate::{Cluster, Result};

/// The UIDs and versions of a namespace's `EndpointSlice`s, which the proxies of the nodes follow. Compare two lists to see a
/// change.
pub async fn list_versions(cluster: &Cluster, namespace: &str) -> Result<BTreeSet<(Option<String>, Option<String>)>> {
    let slices: Api<EndpointSlice> = Api::namespaced(cluster.client.clone(), namespace);
    let slices = slices.list_metadata(&ListParams::default()).await?;
    Ok(slices.items.into_iter().map(|slice| (slice.metadata.uid, slice.metadata.resource_version)).collect())
}

/// Whether a Service leads to one pod only, by its `EndpointSlice`s. The proxies of the nodes follow within a fraction of a
/// second.
pub async fn leads_to(cluster: &Cluster, namespace: &str, service: &str, pod: &str) -> Result<bool> {
    let slices: Api<EndpointSlice> = Api::namespaced(cluster.client.clone(), namespace);
    let of_service = ListParams::default().labels(&format!("kubernetes.io/service-name={service}"));
    let slices = slices.list(&of_service).await?;
    let endpoints = slices.items.iter().flat_map(|slice| slice.endpoints.iter());
    let serving: Vec<Option<&str>> = endpoints
        .filter(|endpoint| endpoint.conditions.as_ref().is_none_or(|conditions| conditions.ready != Some(false)))
        .map(|endpoint| endpoint.target_ref.as_ref().and_then(|target| target.name.as_deref()))
        .collect();
    Ok(!serving.is_empty() && serving.iter().all(|name| *name == Some(pod)))
}
