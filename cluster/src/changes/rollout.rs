//! TOUCH. The StatefulSet's update strategy and its pod template.

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
    /// A new image for the database's container.
    Image {
        /// The container's name.
        container: String,
        /// The image.
        image: String,
    },
    /// A new annotation in the template, which makes every pod outdated.
    Restart {
        /// The annotation's value: when the restart was requested, RFC 3339.
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

/// Sets the update strategy `OnDelete`: the StatefulSet controller replaces no pod by itself any more.
pub async fn hold(cluster: &Cluster, workload: &Workload, dry_run: bool) -> Result<()> {
    patch(cluster, workload, patch_to(&Rollout::OnDelete), dry_run).await
}

/// Restores the update strategy that the StatefulSet had before.
pub async fn release(cluster: &Cluster, workload: &Workload, before: &Rollout, dry_run: bool) -> Result<()> {
    patch(cluster, workload, patch_to(before), dry_run).await
}

/// The patch that gives a StatefulSet that update strategy, all of it.
pub fn patch_to(rollout: &Rollout) -> Value {
    let strategy = match rollout {
        // The API server refuses the one with a part of the other.
        Rollout::OnDelete => json!({"type": "OnDelete", "rollingUpdate": null}),
        Rollout::RollingUpdate { partition, max_unavailable: None } => {
            json!({"type": "RollingUpdate", "rollingUpdate": {"partition": partition}})
        }
        Rollout::RollingUpdate { partition, max_unavailable: Some(most) } => {
            json!({"type": "RollingUpdate", "rollingUpdate": {"partition": partition, "maxUnavailable": most}})
        }
        Rollout::Other { strategy } => json!({"type": strategy, "rollingUpdate": null}),
    };
    json!({"spec": {"updateStrategy": strategy}})
}

/// Changes the pod template. Under `OnDelete` this alone replaces no pod.
pub async fn change_template(
    cluster: &Cluster,
    workload: &Workload,
    change: &TemplateChange,
    dry_run: bool,
) -> Result<()> {
    patch(cluster, workload, change.patch(), dry_run).await
}

/// Every patch carries the StatefulSet's UID: the API server answers a conflict if another StatefulSet has its name now.
async fn patch(cluster: &Cluster, workload: &Workload, mut body: Value, dry_run: bool) -> Result<()> {
    body["metadata"] = json!({"uid": workload.uid});
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), &workload.id.namespace);
    let params = PatchParams { dry_run, field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    sets.patch(&workload.id.name, &params, &Patch::Strategic(body)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stateful_safety::{MaxUnavailable, Rollout};

    use super::patch_to;

    #[test]
    fn a_rollout_is_given_back_with_every_part_it_had() {
        let restored = |max_unavailable| {
            let patch = patch_to(&Rollout::RollingUpdate { partition: 2, max_unavailable });
            patch["spec"]["updateStrategy"].clone()
        };
        let with = |rolling| json!({"type": "RollingUpdate", "rollingUpdate": rolling});
        assert_eq!(restored(None), with(json!({"partition": 2})));
        assert_eq!(restored(Some(MaxUnavailable::Members(3))), with(json!({"partition": 2, "maxUnavailable": 3})));
        assert_eq!(
            restored(Some(MaxUnavailable::Share("30%".to_owned()))),
            with(json!({"partition": 2, "maxUnavailable": "30%"}))
        );
    }
}
