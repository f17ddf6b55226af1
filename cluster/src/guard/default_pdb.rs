//! TOUCH. Creates a default `PodDisruptionBudget` for a database without one, and deletes it when a person writes one.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::{Api, DeleteParams, PostParams, Preconditions};
use stateful_safety::Workload;

use super::names::PART_OF;
use crate::metadata::owner_reference;
use crate::{Cluster, Error, Result};

/// Creates a budget with `maxUnavailable: 1`, owned by the StatefulSet. The budget allows the eviction of a member that is not
/// Ready (`AlwaysAllow`): the guard decides whether that is safe, and a broken pod must not block a drain for ever. An existing
/// budget of that name stays.
pub async fn ensure(cluster: &Cluster, workload: &Workload) -> Result<()> {
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), &workload.id.namespace);
    let set = sets.get(&workload.id.name).await?;
    let budget = PodDisruptionBudget {
        metadata: ObjectMeta {
            name: Some(name_of(&workload.id.name)),
            labels: Some([(PART_OF.0.to_owned(), PART_OF.1.to_owned())].into()),
            owner_references: Some(vec![owner_reference(workload)]),
            ..ObjectMeta::default()
        },
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: set.spec.map(|spec| spec.selector),
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    };
    let budgets: Api<PodDisruptionBudget> = Api::namespaced(cluster.client.clone(), &workload.id.namespace);
    match budgets.create(&PostParams::default(), &budget).await.map_err(Error::from) {
        Ok(_) | Err(Error::Conflict(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Deletes the default budget of a workload, if it exists and carries the guard's label: when two budgets select a pod, the API
/// server answers its eviction with an error (500).
#[expect(clippy::disallowed_methods, reason = "a default budget that is not needed any more, by its UID and our label")]
pub async fn remove(cluster: &Cluster, workload: &Workload) -> Result<()> {
    let budgets: Api<PodDisruptionBudget> = Api::namespaced(cluster.client.clone(), &workload.id.namespace);
    let name = name_of(&workload.id.name);
    let Some(budget) = budgets.get_opt(&name).await? else {
        return Ok(());
    };
    let ours =
        budget.metadata.labels.as_ref().and_then(|labels| labels.get(PART_OF.0)).is_some_and(|of| of == PART_OF.1);
    if !ours {
        return Ok(());
    }
    let same = Preconditions { uid: budget.metadata.uid, resource_version: budget.metadata.resource_version };
    let precisely = DeleteParams { preconditions: Some(same), ..DeleteParams::default() };
    match budgets.delete(&name, &precisely).await.map_err(Error::from) {
        Ok(_) | Err(Error::NotFound(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The name of the default budget of a workload.
pub fn name_of(workload: &str) -> String {
    format!("stateful-guard-{workload}")
}
