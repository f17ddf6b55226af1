//! TOUCH, through the cluster's `default_pdb`. Creates a `PodDisruptionBudget` for every guarded database whose pods
//! no budget selects, and deletes it when another budget appears.

use std::sync::Arc;

use stateful_cluster::budget::Budget;
use stateful_cluster::guard::default_pdb;
use stateful_cluster::inventory::{Model, SetFacts};
use stateful_cluster::metadata::Labels;
use stateful_safety::Workload;

use crate::evaluation::state::GuardState;

/// Databases whose default budget has to be created, and those whose default budget has to be deleted.
struct Plan {
    create: Vec<Workload>,
    delete: Vec<Workload>,
}

/// Creates and deletes default budgets until every guarded database of more than one member has exactly one budget.
pub(crate) async fn reconcile(state: &GuardState) {
    let Plan { create, delete } = plan(&state.inventory.model());
    for workload in create {
        match default_pdb::ensure(&state.cluster, &workload).await {
            Ok(()) => tracing::info!(workload = %workload.id, "created a default budget: the database had none"),
            Err(error) => tracing::warn!(workload = %workload.id, %error, "the default budget could not be created"),
        }
    }
    for workload in delete {
        match default_pdb::remove(&state.cluster, &workload).await {
            Ok(()) => tracing::info!(workload = %workload.id, "deleted the default budget: there is another"),
            Err(error) => tracing::warn!(workload = %workload.id, %error, "the default budget could not be deleted"),
        }
    }
}

fn plan(model: &Model) -> Plan {
    let mut plan = Plan { create: Vec::new(), delete: Vec::new() };
    for set in model.guarded_sets().into_iter().filter(|set| !set.terminating && set.workload.replicas > 1) {
        let names = selecting(model, set);
        if names.is_empty() {
            plan.create.push(set.workload.clone());
        } else if names.len() > 1 && names.contains(&default_pdb::name_of(&set.workload.id.name)) {
            plan.delete.push(set.workload.clone());
        }
    }
    plan
}

/// The names of the budgets that select a database's pods, by the template's labels or by those of the running pods: an
/// operator may label its primary, and a budget may select by that label.
fn selecting(model: &Model, set: &SetFacts) -> Vec<String> {
    let pods = model.pods_in(&set.workload.id.namespace);
    let own = pods.filter(|pod| pod.owner.as_ref() == Some(&set.workload.uid));
    let labels: Vec<Arc<Labels>> = own.map(|pod| Arc::clone(&pod.labels)).collect();
    let selects =
        |budget: &&Budget| budget.selects(&set.pod_labels) || labels.iter().any(|labels| budget.selects(labels));
    model.budgets_in(&set.workload.id.namespace).filter(selects).map(|budget| budget.name.clone()).collect()
}
