//! TOUCH. A person's approval to remove a pod although the guard would refuse it: an annotation of the pod.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, Patch, PatchParams};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Cluster, Error, FIELD_MANAGER, PREFIX, Result};

/// An approval, stored in the pod's annotation `kubectl-stateful.dev/approval`. It is bound to the pod's UID, so that neither a
/// pod template nor a new pod of the same name inherits it, and it expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The pod's UID.
    pub uid: String,
    /// When it expires.
    pub until: Timestamp,
    /// The reason that was given.
    pub reason: String,
    /// The person, as stated by themselves; the API server's audit log has the user.
    pub by: String,
}

impl Approval {
    /// Parses an annotation's text; `None` when it is not an approval.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Whether it is for the pod of that UID and has not expired.
    pub fn is_valid(&self, uid: &str, now: Timestamp) -> bool {
        self.uid == uid && now < self.until
    }
}

/// Approves the removal of the pod of that name **and UID**; [`Error::Conflict`] when another pod has that name now.
pub async fn approve(cluster: &Cluster, namespace: &str, pod: &str, approval: &Approval) -> Result<()> {
    let text = serde_json::to_string(approval).map_err(|error| Error::Answer(error.to_string()))?;
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    // A UID cannot be changed: the API server applies the patch to this pod or refuses it.
    let change = json!({"metadata": {"uid": approval.uid, "annotations": {format!("{PREFIX}approval"): text}}});
    match pods.patch(pod, &params, &Patch::Merge(change)).await.map_err(Error::from) {
        Ok(_) => Ok(()),
        Err(Error::Refused { code: 422, .. }) => {
            Err(Error::Conflict(format!("pod {pod} has been replaced by another one")))
        }
        Err(error) => Err(error),
    }
}
