//! THINK. `DisruptionPolicy`: what a platform team tells the guard. The CRD is made from these types.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::core::{Selector, SelectorExt};
use kube::{CustomResource, CustomResourceExt, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::metadata::Labels;

/// What the guard holds databases to. Several may apply to one database: then the strictest limit and the strictest
/// mode count. Where none applies, the defaults do.
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
    /// Namespaces it applies to, by their labels; all guarded ones without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
    /// StatefulSets it applies to, by their labels; all of those namespaces without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_selector: Option<LabelSelector>,
    /// Whether it refuses, refuses nothing and warns, or only writes down what it would refuse.
    #[serde(default)]
    pub mode: Mode,
    /// How many bytes a replica may be behind and still count as in sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= 0").message("maxLagBytes cannot be negative"))]
    pub max_lag_bytes: Option<i64>,
    /// How many seconds ago a replica may last have confirmed and still count as in sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= 1").message("maxLagSeconds is at least 1: replicas confirm once a second"))]
    pub max_lag_seconds: Option<i64>,
    /// Codes of reasons that are accepted; only those that lose no acknowledged write can be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accept: Vec<String>,
    /// Users who are not held to it, by the exact name the API server knows them by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(validation = Rule::new("self.all(user, user != '' && user != 'system:masters')")
        .message("name single users; system:masters is a group of everybody powerful"))]
    pub exempt_users: Vec<String>,
    /// What happens when a primary is to be evicted.
    #[serde(default)]
    pub on_eviction: OnEviction,
    /// What happens when a node is cordoned while its database members cannot be taken.
    #[serde(default)]
    pub on_cordon: OnCordon,
}

/// How a policy is applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Mode {
    /// Lets everything pass; what it would have refused is in the audit annotations, the log and the metrics.
    Audit,
    /// Lets everything pass and warns whoever asked.
    Warn,
    /// Refuses.
    #[default]
    Enforce,
}

/// What happens when a primary is to be evicted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum OnEviction {
    /// It is refused until somebody has moved the primary away.
    #[default]
    Refuse,
    /// It is refused, and the guard moves the primary away, so that the next try passes.
    #[serde(rename = "HandOver")]
    Switchover,
}

/// What happens when a node is cordoned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum OnCordon {
    /// Whoever does it is told what stands in the way of a drain. `kubectl drain` goes on evicting when its cordon is
    /// refused, so refusing protects nothing there: evictions are the wall.
    #[default]
    Warn,
    /// It is refused.
    Deny,
}

/// What the guard says about a policy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DisruptionPolicyStatus {
    /// The generation this is about.
    #[serde(default)]
    pub observed_generation: i64,
    /// How many workloads it applies to.
    #[serde(default)]
    pub workloads: i64,
    /// `Ready`: it is understood and applied.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

impl DisruptionPolicySpec {
    /// Whether it applies to a database. A selector that cannot be read applies to everything: what was meant to be
    /// stricter is not left out because of a slip.
    pub fn applies_to(&self, namespace: &Labels, workload: &Labels) -> bool {
        selects(self.namespace_selector.as_ref(), namespace) && selects(self.workload_selector.as_ref(), workload)
    }

    /// Why a selector cannot be read, if one cannot.
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

/// The CRD, as YAML would have it.
pub fn crd() -> serde_json::Value {
    serde_json::to_value(DisruptionPolicy::crd()).unwrap_or_default()
}
