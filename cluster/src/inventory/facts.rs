//! THINK. Reduces API objects to the facts that the inventory keeps.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, Pod};

use stateful_safety::EngineProfiles;

use super::model::{KnownLease, NamespaceFacts, PodFacts, PodPhase, SetFacts};
use crate::PREFIX;
use crate::discovery::member;
use crate::discovery::start_scripts::KEEPS_ROLE;
use crate::discovery::stateful_set::workload;
use crate::guard::eviction_records;
use crate::locks::LeaseFacts;
use crate::metadata::{Labels, own_annotations};

/// Label sets in use: pods of one owner share one.
#[derive(Debug, Default)]
pub(super) struct LabelSets(Mutex<HashSet<Arc<Labels>>>);

impl LabelSets {
    fn one(&self, mut labels: Labels) -> Arc<Labels> {
        // These differ from pod to pod, and no budget or policy selects by them.
        labels.remove("statefulset.kubernetes.io/pod-name");
        labels.remove("apps.kubernetes.io/pod-index");
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = known.get(&labels) {
            return Arc::clone(same);
        }
        if known.len() > 1_000 {
            known.retain(|labels| Arc::strong_count(labels) > 1);
        }
        let labels = Arc::new(labels);
        known.insert(Arc::clone(&labels));
        labels
    }
}

pub(super) fn namespace(namespace: &Namespace) -> NamespaceFacts {
    NamespaceFacts {
        labels: namespace.metadata.labels.clone().unwrap_or_default(),
        terminating: namespace.metadata.deletion_timestamp.is_some(),
    }
}

/// The facts of a StatefulSet, if it runs a database.
pub(super) fn set(set: &StatefulSet, profiles: EngineProfiles) -> Option<SetFacts> {
    let spec = set.spec.as_ref()?;
    let templates = spec.volume_claim_templates.iter().flatten();
    Some(SetFacts {
        workload: workload(set, &[], profiles)?,
        labels: set.metadata.labels.clone().unwrap_or_default(),
        pod_labels: spec.template.metadata.as_ref().and_then(|metadata| metadata.labels.clone()).unwrap_or_default(),
        generation: set.metadata.generation.unwrap_or_default(),
        keeps_role: own_annotations(set.metadata.annotations.as_ref()).remove(KEEPS_ROLE),
        claims: templates.filter_map(|claim| claim.metadata.name.clone()).collect(),
        terminating: set.metadata.deletion_timestamp.is_some(),
    })
}

pub(super) fn pod(pod: &Pod, labels: &LabelSets) -> Option<PodFacts> {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    let owners = pod.metadata.owner_references.iter().flatten();
    Some(PodFacts {
        member: Arc::new(member(pod, "")?),
        owner: owners.filter(|owner| owner.controller == Some(true)).map(|owner| owner.uid.clone()).next(),
        labels: labels.one(pod.metadata.labels.clone().unwrap_or_default()),
        phase: match phase {
            Some("Pending") => PodPhase::Pending,
            Some("Succeeded" | "Failed") => PodPhase::Ended,
            _ => PodPhase::Running,
        },
        approval: pod.metadata.annotations.as_ref().and_then(|notes| notes.get(&format!("{PREFIX}approval"))).cloned(),
    })
}

pub(super) fn lease(lease: &Lease, now: Timestamp) -> KnownLease {
    let facts = LeaseFacts::of(lease, now);
    KnownLease { records: eviction_records::parse(&facts.notes), facts }
}
