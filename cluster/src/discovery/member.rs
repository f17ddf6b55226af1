//! THINK. A pod becomes a [`Member`] of a workload.

use k8s_openapi::api::core::v1::{Pod, PodSpec};
use stateful_safety::{Member, Storage};

use super::container_status::never_started;

/// A pod as a member of a workload whose database runs in that container; `None` for a pod without a spec, name or UID.
pub(crate) fn member(pod: &Pod, container: &str) -> Option<Member> {
    let spec = pod.spec.as_ref()?;
    let status = pod.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let is_true = |kind: &str| conditions.iter().any(|condition| condition.type_ == kind && condition.status == "True");
    let labels = pod.metadata.labels.as_ref();
    Some(Member {
        name: pod.metadata.name.clone()?,
        uid: pod.metadata.uid.clone()?,
        node: spec.node_name.clone(),
        address: status.and_then(|status| status.pod_ip.clone()),
        revision: labels.and_then(|labels| labels.get("controller-revision-hash")).cloned().unwrap_or_default(),
        image: spec.containers.iter().find(|c| c.name == container).and_then(|c| c.image.clone()).unwrap_or_default(),
        ready: is_true("Ready"),
        terminating: pod.metadata.deletion_timestamp.is_some(),
        storage: storage(spec),
        waiting: waiting(pod),
        never_started: never_started(pod, container),
    })
}

fn storage(spec: &PodSpec) -> Storage {
    let claims = spec.volumes.iter().flatten().any(|volume| volume.persistent_volume_claim.is_some());
    if claims { Storage::VolumeClaim } else { Storage::Ephemeral }
}

/// Why a pod does not run: no node takes it, or a container waits.
fn waiting(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let unscheduled = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    if let Some(condition) = unscheduled {
        let message = condition.message.clone().unwrap_or_default();
        return Some(format!("{}: {message}", condition.reason.as_deref().unwrap_or("Unscheduled")));
    }
    let containers = status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten());
    containers.into_iter().find_map(|container| container.state.as_ref()?.waiting.as_ref()?.reason.clone())
}

pub(crate) fn ordinal(name: &str) -> u32 {
    name.rsplit_once('-').and_then(|(_, ordinal)| ordinal.parse().ok()).unwrap_or(u32::MAX)
}
