//! TOUCH. Takes a pod away through the eviction API, like anybody else: budgets and the guard have their say.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, EvictParams, PostParams, Preconditions};

use crate::{Cluster, Error, Result};

/// What became of an eviction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvictionOutcome {
    /// The pod is being taken away.
    Granted,
    /// Not now (HTTP 429): a budget or the guard says so, in these words. It may be asked again.
    Refused(String),
    /// The pod of that UID is not there any more: there is nothing left to evict.
    Gone,
}

/// Evicts the pod of that name **and UID**: its successor under the same name is never hit.
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
