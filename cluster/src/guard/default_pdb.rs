//! TOUCH. Makes a budget for a database that has none, and takes it back when somebody writes one.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::{Api, DeleteParams, PostParams, Preconditions};
use stateful_safety::Workload;

use super::names::PART_OF;
use crate::metadata::owner_reference;
use crate::{Cluster, Error, Result};

/// Makes a budget of one member at a time, owned by the StatefulSet and gone with it. A member that is not Ready may be
/// evicted whatever the budget says (`AlwaysAllow`): whether that hurts is the guard's business, and a broken pod must
/// not block a node for ever. Done already is done.
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

/// Takes the budget made for a workload back, if it is there and is ours: two budgets that select a pod make the API
/// server answer its eviction with an error (500).
#[expect(clippy::disallowed_methods, reason = "what we made and nobody needs, by its UID and our label")]
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

/// The name of the budget that is made for a workload. It gives way to one somebody writes.
pub fn name_of(workload: &str) -> String {
    format!("stateful-guard-{workload}")
}
