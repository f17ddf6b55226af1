//! TOUCH. A person's word that a pod may be taken away though the guard would refuse it: one annotation of that pod.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, Patch, PatchParams};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Cluster, Error, FIELD_MANAGER, PREFIX, Result};

/// An approval, as it is kept in the pod's annotation `kubectl-stateful.dev/approval`. It is bound to the pod's UID, so
/// that neither a template nor the pod's successor can inherit it, and it ends by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The pod's UID.
    pub uid: String,
    /// It ends then.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
    /// Who, as they called themselves; the API server's audit log knows better.
    pub by: String,
}

impl Approval {
    /// Reads an annotation's text; `None` when it is no approval.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Whether it holds for a pod now.
    pub fn is_valid(&self, uid: &str, now: Timestamp) -> bool {
        self.uid == uid && now < self.until
    }
}

/// Gives it to the pod of that name **and UID**; [`Error::Conflict`] when that pod is gone and its successor has its name.
pub async fn approve(cluster: &Cluster, namespace: &str, pod: &str, approval: &Approval) -> Result<()> {
    let text = serde_json::to_string(approval).map_err(|error| Error::Answer(error.to_string()))?;
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    // A UID cannot be changed: the API server takes the patch for this very pod, or not at all.
    let change = json!({"metadata": {"uid": approval.uid, "annotations": {format!("{PREFIX}approval"): text}}});
    match pods.patch(pod, &params, &Patch::Merge(change)).await.map_err(Error::from) {
        Ok(_) => Ok(()),
        Err(Error::Refused { code: 422, .. }) => {
            Err(Error::Conflict(format!("pod {pod} has been replaced by another one")))
        }
        Err(error) => Err(error),
    }
}
