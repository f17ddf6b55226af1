//! TOUCH. Evicts a pod through the eviction API, so that disruption budgets and the guard decide about it.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, EvictParams, PostParams, Preconditions};

use crate::{Cluster, Error, Result};

/// The outcome of an eviction request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvictionOutcome {
    /// The pod is being deleted.
    Granted,
    /// Refused for now (HTTP 429) by a budget or the guard, with this message. It may be requested again.
    Refused(String),
    /// The pod of that UID no longer exists.
    Gone,
}

/// Evicts the pod of that name **and UID**: a new pod of the same name is never evicted.
pub async fn evict(cluster: &Cluster, namespace: &str, pod: &str, uid: &str, dry_run: bool) -> Result<EvictionOutcome> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let precondition = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
    let params = EvictParams {
        delete_options: Some(DeleteParams { preconditions: Some(precondition), ..DeleteParams::default() }),
        post_options: PostParams { dry_run, field_manager: None },
    };
    match pods.evict(pod, &params).await.map_err(Error::from) {
        Ok(_) => Ok(EvictionOutcome::Granted),
        Err(Error::Refused { code: 429, message }) => Ok(EvictionOutcome::Refused(message)),
        Err(Error::NotFound(_) | Error::Conflict(_)) => Ok(EvictionOutcome::Gone),
        Err(error) => Err(error),
    }
}
