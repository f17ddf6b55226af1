//! TOUCH. The StatefulSet itself: who decides when pods change, and what they change to.

use k8s_openapi::api::apps::v1::StatefulSet;
use kube::api::{Api, Patch, PatchParams};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stateful_safety::{Rollout, Workload};

use crate::{Cluster, FIELD_MANAGER, PREFIX, Result};

/// A change of the pod template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TemplateChange {
    /// Another image for the database's container.
    Image {
        /// The container's name.
        container: String,
        /// The image.
        image: String,
    },
    /// The same template with a new mark, so that every pod counts as old.
    Restart {
        /// The mark: when it was asked for, RFC 3339.
        at: String,
    },
}

impl TemplateChange {
    fn patch(&self) -> Value {
        match self {
            Self::Image { container, image } => {
                json!({"spec": {"template": {"spec": {"containers": [{"name": container, "image": image}]}}}})
            }
            Self::Restart { at } => {
                json!({"spec": {"template": {"metadata": {"annotations": {format!("{PREFIX}restarted-at"): at}}}}})
            }
        }
    }
}

/// Puts the StatefulSet on `OnDelete`: from now on its controller replaces no pod by itself.
pub async fn hold(cluster: &Cluster, workload: &Workload, dry_run: bool) -> Result<()> {
    let strategy = json!({"type": "OnDelete", "rollingUpdate": null});
    patch(cluster, workload, json!({"spec": {"updateStrategy": strategy}}), dry_run).await
}

/// Gives the decision back to the controller, as it was before.
pub async fn release(cluster: &Cluster, workload: &Workload, before: Rollout, dry_run: bool) -> Result<()> {
    let strategy = match before {
        Rollout::OnDelete => json!({"type": "OnDelete", "rollingUpdate": null}),
        Rollout::RollingUpdate { partition } => {
            json!({"type": "RollingUpdate", "rollingUpdate": {"partition": partition}})
        }
    };
    patch(cluster, workload, json!({"spec": {"updateStrategy": strategy}}), dry_run).await
}

/// Changes the template. Under `OnDelete` no pod changes by that alone.
pub async fn change_template(
    cluster: &Cluster,
    workload: &Workload,
    change: &TemplateChange,
    dry_run: bool,
) -> Result<()> {
    patch(cluster, workload, change.patch(), dry_run).await
}

/// Every patch carries the StatefulSet's UID: one made anew under the same name answers with a conflict.
async fn patch(cluster: &Cluster, workload: &Workload, mut body: Value, dry_run: bool) -> Result<()> {
    body["metadata"] = json!({"uid": workload.uid});
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), &workload.id.namespace);
    let params = PatchParams { dry_run, field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    sets.patch(&workload.id.name, &params, &Patch::Strategic(body)).await?;
    Ok(())
}
