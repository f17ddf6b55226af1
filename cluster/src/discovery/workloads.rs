//! LOOK. The database workloads of a cluster, read from its StatefulSets, pods, Services and disruption budgets.

use futures::future::{join, join3};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{Api, ListParams, ObjectList};
use stateful_safety::{Route, Workload, WorkloadId};

use super::server_container::server_container;
use super::stateful_set::workload;
use super::{POD_NAME, budgets};
use crate::{Cluster, Error, Result};

/// The workload of that name with its pods and Services; `None` when its StatefulSet runs no known engine.
pub async fn find(cluster: &Cluster, id: &WorkloadId) -> Result<Option<Workload>> {
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), &id.namespace);
    let set = sets.get(&id.name).await?;
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &id.namespace);
    let services: Api<Service> = Api::namespaced(cluster.client.clone(), &id.namespace);
    let (labelled, everything) = (ListParams::default().labels(&selector(&set)), ListParams::default());
    let limits: Api<PodDisruptionBudget> = Api::namespaced(cluster.client.clone(), &id.namespace);
    let (pods, services, limits) =
        join3(pods.list(&labelled), services.list(&everything), limits.list(&everything)).await;
    let pods = pods?.items;
    let mut workload = workload(&set, &pods, cluster.profiles);
    if let Some(workload) = &mut workload {
        // Reading Services is optional here; an operation checks that permission before it begins.
        workload.routes = routes(&services.map(|list| list.items).unwrap_or_default(), workload);
        workload.budgets = budgets::over(workload, &set, &pods, &readable(limits)?);
    }
    Ok(workload)
}

/// The Services that select one member by its name, which lead clients to the primary. Where they select different members,
/// each gives one member an address of its own, and none leads to the primary.
fn routes(services: &[Service], workload: &Workload) -> Vec<Route> {
    let routes: Vec<Route> = services
        .iter()
        .filter_map(|service| {
            let member = service.spec.as_ref()?.selector.as_ref()?.get(POD_NAME)?;
            workload.member(member).map(|_| ())?;
            Some(Route { service: service.metadata.name.clone()?, member: member.clone() })
        })
        .collect();
    let one = routes.first().map(|route| route.member.clone());
    if routes.iter().all(|route| Some(&route.member) == one.as_ref()) { routes } else { Vec::new() }
}

/// All workloads of a namespace, or of the cluster, ordered by namespace and name.
pub async fn list(cluster: &Cluster, namespace: Option<&str>) -> Result<Vec<Workload>> {
    let (sets, pods): (Api<StatefulSet>, Api<Pod>) = match namespace {
        Some(namespace) => {
            (Api::namespaced(cluster.client.clone(), namespace), Api::namespaced(cluster.client.clone(), namespace))
        }
        None => (Api::all(cluster.client.clone()), Api::all(cluster.client.clone())),
    };
    let everything = ListParams::default();
    let sets = sets.list(&everything).await?;
    if !sets.items.iter().any(|set| server_container(set, cluster.profiles).is_some()) {
        return Ok(Vec::new()); // without a database there is no need to read all pods
    }
    let limits: Api<PodDisruptionBudget> = match namespace {
        Some(namespace) => Api::namespaced(cluster.client.clone(), namespace),
        None => Api::all(cluster.client.clone()),
    };
    let (pods, limits) = join(pods.list(&everything), limits.list(&everything)).await;
    let (pods, limits) = (pods?.items, readable(limits)?);
    let with_budgets = |set: &StatefulSet| {
        let workload = workload(set, &pods, cluster.profiles)?;
        Some(Workload { budgets: budgets::over(&workload, set, &pods, &limits), ..workload })
    };
    Ok(sets.items.iter().filter_map(with_budgets).collect())
}

/// The budgets; none where the user may not read them, and then meets them when a pod is evicted.
fn readable(budgets: kube::Result<ObjectList<PodDisruptionBudget>>) -> Result<Vec<PodDisruptionBudget>> {
    match budgets.map_err(Error::from) {
        Ok(list) => Ok(list.items),
        Err(Error::Forbidden(_)) => Ok(Vec::new()),
        Err(other) => Err(other),
    }
}

/// All workloads with a pod on that node.
pub async fn list_on_node(cluster: &Cluster, node: &str) -> Result<Vec<Workload>> {
    let workloads = list(cluster, None).await?;
    let is_there = |workload: &Workload| workload.members.iter().any(|member| member.node.as_deref() == Some(node));
    Ok(workloads.into_iter().filter(is_there).collect())
}

fn selector(set: &StatefulSet) -> String {
    let labels = set.spec.as_ref().and_then(|spec| spec.selector.match_labels.clone()).unwrap_or_default();
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}
