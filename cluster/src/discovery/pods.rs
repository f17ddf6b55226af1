//! LOOK. Pods by their node, name or address. Those of a node are classified as `kubectl drain` does (`pkg/drain/filters.go`).

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use stateful_safety::Member;

use super::member::member;
use crate::{Cluster, Result};

/// A pod on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Why `kubectl drain` would not simply evict it.
    pub obstacle: Option<DrainObstacle>,
}

/// Why `kubectl drain` would not simply evict a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrainObstacle {
    /// A `DaemonSet` would recreate it at once: skipped with `--ignore-daemonsets`.
    DaemonSet,
    /// A static pod of the kubelet: it cannot be evicted.
    Mirror,
    /// It has finished: its deletion loses nothing.
    Finished,
    /// It has data in an emptyDir: evicted only with `--delete-emptydir-data`.
    LocalData,
    /// No controller would recreate it: evicted only with `--force`.
    Unmanaged,
}

/// All pods on a node.
pub async fn list_on_node(cluster: &Cluster, node: &str) -> Result<Vec<NodePod>> {
    let pods: Api<Pod> = Api::all(cluster.client.clone());
    let there = pods.list(&ListParams::default().fields(&format!("spec.nodeName={node}"))).await?;
    Ok(there.items.iter().filter_map(node_pod).collect())
}

fn node_pod(pod: &Pod) -> Option<NodePod> {
    Some(NodePod {
        namespace: pod.metadata.namespace.clone()?,
        name: pod.metadata.name.clone()?,
        uid: pod.metadata.uid.clone()?,
        obstacle: obstacle(pod),
    })
}

fn obstacle(pod: &Pod) -> Option<DrainObstacle> {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    let controller = pod.metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true));
    let volumes = pod.spec.as_ref().and_then(|spec| spec.volumes.as_deref()).unwrap_or_default();
    if pod.metadata.annotations.as_ref().is_some_and(|notes| notes.contains_key("kubernetes.io/config.mirror")) {
        Some(DrainObstacle::Mirror)
    } else if controller.is_some_and(|owner| owner.kind == "DaemonSet") {
        Some(DrainObstacle::DaemonSet)
    } else if matches!(phase, Some("Succeeded" | "Failed")) {
        Some(DrainObstacle::Finished)
    } else if controller.is_none() {
        Some(DrainObstacle::Unmanaged)
    } else if volumes.iter().any(|volume| volume.empty_dir.is_some()) {
        Some(DrainObstacle::LocalData)
    } else {
        None
    }
}

/// The UID of the pod that has this name now; `None` when there is none.
pub async fn find_uid(cluster: &Cluster, namespace: &str, name: &str) -> Result<Option<String>> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    Ok(pods.get_opt(name).await?.and_then(|pod| pod.metadata.uid))
}

/// The pods of a namespace that have one of these IP addresses.
pub async fn list_at_addresses(cluster: &Cluster, namespace: &str, addresses: &[String]) -> Result<Vec<Member>> {
    if addresses.is_empty() {
        return Ok(Vec::new());
    }
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let there = pods.list(&ListParams::default()).await?;
    let found = there.items.iter().filter_map(|pod| member(pod, ""));
    Ok(found.filter(|pod| pod.address.as_ref().is_some_and(|address| addresses.contains(address))).collect())
}
