//! TOUCH. The number of replicas that a StatefulSet declares.

use k8s_openapi::api::apps::v1::StatefulSet;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;
use stateful_safety::Workload;

use crate::{Cluster, Error, FIELD_MANAGER, Result};

/// How often the StatefulSet is read again after a conflict: its controller writes its status each time a pod changes.
const TRIES: u32 = 5;

/// Declares another number of replicas, provided that the StatefulSet is the same and still declares the number that was
/// observed. Otherwise [`Error::Conflict`]: an autoscaler or a person has scaled it meanwhile, and another member than the
/// intended one would be removed.
pub async fn scale(cluster: &Cluster, workload: &Workload, replicas: usize, dry_run: bool) -> Result<()> {
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), &workload.id.namespace);
    let params = PatchParams { dry_run, field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let mut tries = 0;
    loop {
        tries += 1;
        let set = sets.get(&workload.id.name).await?;
        let declared = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        if set.metadata.uid.as_ref() != Some(&workload.uid) || usize::try_from(declared) != Ok(workload.replicas) {
            return Err(Error::Conflict(format!(
                "{} declares {declared} members, not {}",
                workload.id, workload.replicas
            )));
        }
        // The precondition is the version just read: a write in between makes this a conflict.
        let patch = json!({
            "metadata": {"uid": workload.uid, "resourceVersion": set.metadata.resource_version},
            "spec": {"replicas": replicas},
        });
        match sets.patch(&workload.id.name, &params, &Patch::Merge(patch)).await.map_err(Error::from) {
            Ok(_) => return Ok(()),
            Err(Error::Conflict(_)) if tries < TRIES => {}
            Err(error) => return Err(error),
        }
    }
}
