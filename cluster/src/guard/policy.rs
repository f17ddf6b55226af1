//! THINK. `DisruptionPolicy`: what a platform team demands of databases. The CRD is generated from these types.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::core::{Selector, SelectorExt};
use kube::{CustomResource, CustomResourceExt, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::metadata::Labels;

/// What a platform team demands of databases. When several policies apply to one database, the strictest limit and
/// the strictest mode count. When none applies, the defaults do.
#[derive(CustomResource, KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "kubectl-stateful.dev",
    version = "v1alpha1",
    kind = "DisruptionPolicy",
    plural = "disruptionpolicies",
    shortname = "dpol",
    status = "DisruptionPolicyStatus",
    printcolumn = r#"{"name":"Mode", "type":"string", "jsonPath":".spec.mode"}"#,
    printcolumn = r#"{"name":"On eviction", "type":"string", "jsonPath":".spec.onEviction"}"#,
    printcolumn = r#"{"name":"Max lag", "type":"integer", "jsonPath":".spec.maxLagBytes"}"#,
    printcolumn = r#"{"name":"Guards", "type":"integer", "jsonPath":".status.workloads"}"#,
    printcolumn = r#"{"name":"Ready", "type":"string", "jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Age", "type":"date", "jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(self.mode == 'Audit' && self.onEviction == 'HandOver')")
        .message("mode Audit changes nothing, so it cannot switch over: use onEviction Refuse, or mode Enforce")
)]
pub struct DisruptionPolicySpec {
    /// The namespaces it applies to, by their labels; all guarded namespaces without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
    /// The StatefulSets it applies to, by their labels; all of those namespaces without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_selector: Option<LabelSelector>,
    /// Whether the guard refuses, only warns, or only records what it would refuse.
    #[serde(default)]
    pub mode: Mode,
    /// How many bytes a replica may lag behind the primary and still count as in sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= 0").message("maxLagBytes cannot be negative"))]
    pub max_lag_bytes: Option<i64>,
    /// How many seconds may have passed since a replica last confirmed, for it to count as in sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= 1").message("maxLagSeconds is at least 1: replicas confirm once a second"))]
    pub max_lag_seconds: Option<i64>,
    /// Codes of reasons to accept; only codes that cannot lose an acknowledged write are allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accept: Vec<String>,
    /// Users to whom the policy does not apply, by their exact user names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(validation = Rule::new("self.all(user, user != '' && user != 'system:masters')")
        .message("name single users; system:masters is a group"))]
    pub exempt_users: Vec<String>,
    /// What happens when the eviction of a primary is requested.
    #[serde(default)]
    pub on_eviction: OnEviction,
    /// What happens when a node is cordoned while its database members cannot be evicted safely.
    #[serde(default)]
    pub on_cordon: OnCordon,
}

/// How a policy is applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Mode {
    /// The guard allows everything and records what it would have refused in audit annotations, log and metrics.
    Audit,
    /// The guard allows everything and warns the requesting user.
    Warn,
    /// The guard refuses.
    #[default]
    Enforce,
}

/// What happens when the eviction of a primary is requested.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum OnEviction {
    /// It is refused until a person has switched the primary over.
    #[default]
    Refuse,
    /// It is refused, and the guard switches the primary over, so that the next request passes.
    #[serde(rename = "HandOver")]
    Switchover,
}

/// What happens when a node is cordoned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum OnCordon {
    /// The user gets a warning with the reasons that a drain would meet. `kubectl drain` continues to evict when its cordon is
    /// refused, so a refusal protects nothing there; the guard refuses evictions instead.
    #[default]
    Warn,
    /// It is refused.
    Deny,
}

/// The guard's report about a policy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DisruptionPolicyStatus {
    /// The generation that this status is about.
    #[serde(default)]
    pub observed_generation: i64,
    /// The number of databases it applies to.
    #[serde(default)]
    pub workloads: i64,
    /// `Ready`: the policy is valid and applied.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

impl DisruptionPolicySpec {
    /// Whether it applies to a StatefulSet with these labels in a namespace with those. An invalid selector selects everything:
    /// a policy that was meant to be stricter must not be lost by a mistake.
    pub fn applies_to(&self, namespace: &Labels, workload: &Labels) -> bool {
        selects(self.namespace_selector.as_ref(), namespace) && selects(self.workload_selector.as_ref(), workload)
    }

    /// Why a selector is invalid, if one is.
    pub fn config_violation(&self) -> Option<String> {
        let selectors = [&self.namespace_selector, &self.workload_selector];
        selectors
            .into_iter()
            .flatten()
            .find_map(|selector| Selector::try_from(selector.clone()).err())
            .map(|e| e.to_string())
    }
}

fn selects(selector: Option<&LabelSelector>, labels: &Labels) -> bool {
    selector
        .is_none_or(|selector| Selector::try_from(selector.clone()).map_or(true, |selector| selector.matches(labels)))
}

/// The CRD as JSON.
pub fn crd() -> serde_json::Value {
    serde_json::to_value(DisruptionPolicy::crd()).unwrap_or_default()
}
