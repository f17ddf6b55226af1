//! The disruption budgets that count a workload's members.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use stateful_safety::{MemberBudget, Workload};

use super::POD_NAME;
use crate::budget::Budget;
use crate::metadata::Labels;

/// Labels that each pod of a StatefulSet has for itself.
const OWN_LABELS: [&str; 2] = [POD_NAME, "apps.kubernetes.io/pod-index"];

/// Those of `budgets` that count pods of the workload, by name. One that cannot be read counts none: the API server refuses to
/// evict by it, in its own words.
pub(super) fn over(
    workload: &Workload,
    set: &StatefulSet,
    pods: &[Pod],
    budgets: &[PodDisruptionBudget],
) -> Vec<MemberBudget> {
    let here = |metadata: &ObjectMeta| metadata.namespace.as_deref() == Some(workload.id.namespace.as_str());
    let pods = pods.iter().filter(|pod| here(&pod.metadata));
    let labels: BTreeMap<&str, Labels> = pods
        .filter_map(|pod| Some((pod.metadata.name.as_deref()?, pod.metadata.labels.clone().unwrap_or_default())))
        .collect();
    let template =
        set.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref()?.labels.clone()).unwrap_or_default();
    let declared = |labels: &Labels| {
        let own = labels.iter().filter(|(key, _)| OWN_LABELS.contains(&key.as_str()));
        own.chain(&template).map(|(key, value)| (key.clone(), value.clone())).collect::<Labels>()
    };
    let over = |budget: &PodDisruptionBudget| {
        let read = Budget::of(budget).ok()?;
        let counted: Vec<(&str, &Labels)> = workload
            .members
            .iter()
            .filter_map(|member| Some((member.name.as_str(), labels.get(member.name.as_str())?)))
            .filter(|(_, labels)| read.selects(labels))
            .collect();
        let members: Vec<String> = counted.iter().map(|(name, _)| (*name).to_owned()).collect();
        let by_role = counted.iter().any(|(_, labels)| !read.selects(&declared(labels)));
        let status = budget.status.as_ref().filter(|status| status.observed_generation == budget.metadata.generation);
        let expected = status.map(|status| i64::from(status.expected_pods));
        (!members.is_empty()).then_some(MemberBudget { name: read.name, terms: read.terms, members, by_role, expected })
    };
    let mut found: Vec<MemberBudget> =
        budgets.iter().filter(|budget| here(&budget.metadata)).filter_map(over).collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::StatefulSet;
    use k8s_openapi::api::core::v1::Pod;
    use k8s_openapi::api::policy::v1::PodDisruptionBudget;
    use serde_json::json;

    use super::over;
    use crate::discovery::stateful_set::workload;
    use crate::test_profiles::PROFILES;

    #[test]
    fn a_budget_counts_the_members_whose_labels_it_selects() {
        let set: StatefulSet = serde_json::from_value(json!({
            "metadata": {"name": "redis", "namespace": "shop", "uid": "set"},
            "spec": {"serviceName": "redis", "replicas": 2, "selector": {"matchLabels": {"app": "redis"}}, "template": {
                "metadata": {"labels": {"app": "redis"}},
                "spec": {"containers": [{"name": "redis", "image": "redis:8.0", "ports": [{"containerPort": 6379}]}]},
            }},
        }))
        .expect("a StatefulSet");
        let pod = |ordinal: usize| -> Pod {
            let name = format!("redis-{ordinal}");
            let owner = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "redis", "uid": "set", "controller": true});
            let role = if ordinal == 0 { "primary" } else { "replica" };
            let labels = json!({"app": "redis", "role": role, "statefulset.kubernetes.io/pod-name": name});
            let pod = json!({"metadata": {"name": name, "namespace": "shop", "uid": name, "labels": labels, "ownerReferences": [owner]}, "spec": {"containers": []}});
            serde_json::from_value(pod).expect("a pod")
        };
        let budget = |name: &str, selector: serde_json::Value, seen: i64| -> PodDisruptionBudget {
            serde_json::from_value(json!({
                "metadata": {"name": name, "namespace": "shop", "generation": 2},
                "spec": {"minAvailable": "100%", "selector": {"matchLabels": selector}},
                "status": {"expectedPods": 2, "observedGeneration": seen, "currentHealthy": 2, "desiredHealthy": 2, "disruptionsAllowed": 0},
            }))
            .expect("a budget")
        };
        let pods = [pod(0), pod(1)];
        let workload = workload(&set, &pods, PROFILES).expect("a database");
        let one = json!({"statefulset.kubernetes.io/pod-name": "redis-1"});
        let budgets = [
            budget("one", one, 1),
            budget("all", json!({"app": "redis"}), 2),
            budget("other", json!({"app": "shop"}), 2),
            budget("primary", json!({"app": "redis", "role": "primary"}), 2),
        ];
        let found = over(&workload, &set, &pods, &budgets);
        let seen =
            found.iter().map(|budget| (budget.name.as_str(), budget.members.len(), budget.by_role, budget.expected));
        let seen: Vec<(&str, usize, bool, Option<i64>)> = seen.collect();
        let expected = [("all", 2, false, Some(2)), ("one", 1, false, None), ("primary", 1, true, Some(2))];
        assert_eq!(seen, expected, "what the controller has not seen yet is not known");
        assert_eq!(found[0].terms.to_string(), "minAvailable 100%");
    }
}
