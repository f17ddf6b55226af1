//! LOOK. Guarded namespaces, policies, approvals, and removals that passed although the guard would have refused them.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Namespace, Pod};
use kube::ResourceExt;
use kube::api::{Api, ListParams};

use super::approval::Approval;
use super::names::{GUARD, GUARD_LABEL};
use super::policy::{DisruptionPolicy, DisruptionPolicySpec};
use crate::metadata::Labels;
use crate::{Cluster, Error, FIELD_MANAGER, PREFIX, Result};

/// A policy, and how many databases it applies to according to the guard.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyFacts {
    /// Its name.
    pub name: String,
    /// Its specification.
    pub spec: DisruptionPolicySpec,
    /// How many databases it applies to; `None` until the guard has written it.
    pub workloads: Option<i64>,
}

/// A pod whose removal a person has approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedPod {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The approval; see [`Approval::is_valid`].
    pub approval: Approval,
    /// The pod's UID.
    pub uid: String,
}

/// An Event about an approval, or about a removal that passed without the guard's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bypass {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// `Approved` or `Bypassed`.
    pub reason: String,
    /// The Event's message.
    pub text: String,
    /// When it happened last.
    pub at: Option<Timestamp>,
}

/// The reason codes of such Events.
const REASONS: [&str; 2] = [APPROVED, "Bypassed"];

/// The reason code of the Event about an approval.
const APPROVED: &str = "Approved";

/// The guarded namespaces, each with its labels.
pub async fn list_namespaces(cluster: &Cluster) -> Result<Vec<(String, Labels)>> {
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    let label = format!("{GUARD_LABEL}=enabled");
    let found = namespaces.list_metadata(&ListParams::default().labels(&label)).await?;
    Ok(found.items.iter().map(|namespace| (namespace.name_any(), namespace.labels().clone())).collect())
}

/// Whether a namespace is guarded.
pub async fn is_guarded(cluster: &Cluster, namespace: &str) -> Result<bool> {
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    let namespace = namespaces.get_metadata(namespace).await?;
    Ok(namespace.labels().get(GUARD_LABEL).is_some_and(|value| value == "enabled"))
}

/// All policies; none when the CRD is not installed.
pub async fn list_policies(cluster: &Cluster) -> Result<Vec<PolicyFacts>> {
    let policies: Api<DisruptionPolicy> = Api::all(cluster.client.clone());
    let found = match policies.list(&ListParams::default()).await.map_err(Error::from) {
        Ok(found) => found.items,
        Err(Error::NotFound(_)) => Vec::new(),
        Err(error) => return Err(error),
    };
    let facts = |policy: DisruptionPolicy| PolicyFacts {
        name: policy.name_any(),
        workloads: policy.status.map(|status| status.workloads),
        spec: policy.spec,
    };
    Ok(found.into_iter().map(facts).collect())
}

/// The approvals on pods of a namespace, also expired ones.
pub async fn list_approvals(cluster: &Cluster, namespace: &str) -> Result<Vec<ApprovedPod>> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let pods = pods.list_metadata(&ListParams::default()).await?;
    let approved = pods.items.iter().filter_map(|pod| {
        let approval = Approval::read(pod.annotations().get(&format!("{PREFIX}approval"))?)?;
        Some(ApprovedPod { namespace: namespace.to_owned(), pod: pod.name_any(), uid: pod.uid()?, approval })
    });
    Ok(approved.collect())
}

/// Approvals and bypasses in the Events that still exist (the API server keeps them for an hour), the newest first.
pub async fn list_bypasses(cluster: &Cluster) -> Result<Vec<Bypass>> {
    let events: Api<Event> = Api::all(cluster.client.clone());
    let mut found = Vec::new();
    for reason in REASONS {
        let listed = events.list(&ListParams::default().fields(&format!("reason={reason}"))).await?;
        found.extend(listed.items.into_iter().filter(is_ours).map(bypass));
    }
    found.sort_by_key(|bypass: &Bypass| std::cmp::Reverse(bypass.at));
    Ok(found)
}

fn is_ours(event: &Event) -> bool {
    let by = event.reporting_component.as_deref().or(event.source.as_ref().and_then(|by| by.component.as_deref()));
    by.is_some_and(|by| by == GUARD || by == FIELD_MANAGER)
}

fn bypass(event: Event) -> Bypass {
    let series = event.series.and_then(|series| series.last_observed_time).map(|time| time.0);
    let about = event.involved_object;
    Bypass {
        namespace: about.namespace.unwrap_or_default(),
        pod: about.name.unwrap_or_default(),
        reason: event.reason.unwrap_or_default(),
        text: event.message.unwrap_or_default(),
        at: series.or(event.last_timestamp.map(|time| time.0)).or(event.event_time.map(|time| time.0)),
    }
}
