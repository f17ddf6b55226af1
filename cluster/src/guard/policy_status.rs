//! TOUCH. The status of a `DisruptionPolicy`: whether it is valid, and how many databases it applies to.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use super::policy::DisruptionPolicy;
use crate::{Cluster, FIELD_MANAGER, Result};

/// Writes a policy's status where it differs. `config_violation` is why the policy is invalid.
pub async fn write(cluster: &Cluster, name: &str, workloads: usize, config_violation: Option<&str>) -> Result<()> {
    let policies: Api<DisruptionPolicy> = Api::all(cluster.client.clone());
    let Some(policy) = policies.get_opt(name).await? else {
        return Ok(());
    };
    let generation = policy.metadata.generation.unwrap_or_default();
    let workloads = i64::try_from(workloads).unwrap_or(i64::MAX);
    let (status, reason, message) = match config_violation {
        None => ("True", "Applied", format!("applies to {workloads} databases")),
        Some(config_violation) => (
            "False",
            "SelectorUnreadable",
            format!("{config_violation}; until it is corrected, the policy applies to every database"),
        ),
    };
    let old = policy.status.unwrap_or_default();
    let before = old.conditions.iter().find(|condition| condition.type_ == "Ready");
    let same = before.is_some_and(|before| before.status == status && before.message == message);
    if same && old.observed_generation == generation {
        return Ok(());
    }
    let since = before.filter(|before| before.status == status).map(|before| before.last_transition_time.clone());
    let condition = Condition {
        type_: "Ready".to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message,
        observed_generation: Some(generation),
        last_transition_time: since.unwrap_or_else(|| Time(Timestamp::now())),
    };
    let status =
        json!({"status": {"observedGeneration": generation, "workloads": workloads, "conditions": [condition]}});
    policies.patch_status(name, &PatchParams::apply(FIELD_MANAGER), &Patch::Merge(&status)).await?;
    Ok(())
}
