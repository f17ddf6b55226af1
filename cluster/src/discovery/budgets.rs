//! The disruption budgets that count a workload's members.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use stateful_safety::{MemberBudget, Workload};

use crate::budget::Budget;

/// Those of `budgets` that count pods of the workload, by name. One that cannot be read counts none: the API server refuses to
/// evict by it, in its own words.
pub(super) fn over(workload: &Workload, pods: &[Pod], budgets: &[PodDisruptionBudget]) -> Vec<MemberBudget> {
    let labels: BTreeMap<&str, _> = pods
        .iter()
        .filter_map(|pod| Some((pod.metadata.name.as_deref()?, pod.metadata.labels.clone().unwrap_or_default())))
        .collect();
    let over = |budget: &PodDisruptionBudget| {
        let read = Budget::of(budget).ok()?;
        let counts = |name: &&String| labels.get(name.as_str()).is_some_and(|labels| read.selects(labels));
        let members: Vec<String> = workload.members.iter().map(|member| &member.name).filter(counts).cloned().collect();
        let status = budget.status.as_ref().filter(|status| status.observed_generation == budget.metadata.generation);
        let expected = status.map(|status| i64::from(status.expected_pods));
        (!members.is_empty()).then_some(MemberBudget { name: read.name, terms: read.terms, members, expected })
    };
    let mut found: Vec<MemberBudget> = budgets.iter().filter_map(over).collect();
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
            let labels = json!({"app": "redis", "statefulset.kubernetes.io/pod-name": name});
            let pod = json!({"metadata": {"name": name, "uid": name, "labels": labels, "ownerReferences": [owner]}, "spec": {"containers": []}});
            serde_json::from_value(pod).expect("a pod")
        };
        let budget = |name: &str, selector: serde_json::Value, seen: i64| -> PodDisruptionBudget {
            serde_json::from_value(json!({
                "metadata": {"name": name, "generation": 2},
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
        ];
        let found = over(&workload, &pods, &budgets);
        let seen: Vec<(&str, usize, Option<i64>)> =
            found.iter().map(|budget| (budget.name.as_str(), budget.members.len(), budget.expected)).collect();
        assert_eq!(seen, [("all", 2, Some(2)), ("one", 1, None)], "what the controller has not seen yet is not known");
        assert_eq!(found[0].terms.to_string(), "minAvailable 100%");
    }
}
