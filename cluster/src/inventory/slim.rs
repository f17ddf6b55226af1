//! THINK. Pods as the watch parses them: only the fields that the inventory keeps.
//!
//! A guard may start with ten thousand pods, and most of a pod is managed fields, mounts and probes. A skipped field costs its
//! length; a parsed one costs at least an allocation.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
    PersistentVolumeClaimVolumeSource, Pod, PodCondition, PodSpec, PodStatus, Volume,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use kube::Resource;
use kube::core::NamespaceResourceScope;
use serde::Deserialize;

/// A pod with the needed fields only.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "Sent")]
pub(super) struct SlimPod(pub(super) Pod);

#[derive(Deserialize)]
struct Sent {
    metadata: Metadata,
    spec: Option<Spec>,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    owner_references: Option<Vec<OwnerReference>>,
    deletion_timestamp: Option<Time>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    node_name: Option<String>,
    volumes: Option<Vec<Mount>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mount {
    persistent_volume_claim: Option<PersistentVolumeClaimVolumeSource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    phase: Option<String>,
    #[serde(rename = "podIP")]
    pod_ip: Option<String>,
    conditions: Option<Vec<PodCondition>>,
    container_statuses: Option<Vec<Container>>,
    init_container_statuses: Option<Vec<Container>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    restart_count: i32,
    state: Option<State>,
    last_state: Option<State>,
}

#[derive(Deserialize)]
struct State {
    waiting: Option<ContainerStateWaiting>,
    running: Option<Happened>,
    terminated: Option<Happened>,
}

/// That a container runs or has run; when and how it ended is not needed.
#[derive(Deserialize)]
struct Happened {}

impl From<Sent> for SlimPod {
    fn from(sent: Sent) -> Self {
        let Sent { metadata, spec, status } = sent;
        Self(Pod {
            metadata: ObjectMeta {
                name: metadata.name,
                namespace: metadata.namespace,
                uid: metadata.uid,
                resource_version: metadata.resource_version,
                labels: metadata.labels,
                annotations: metadata.annotations,
                owner_references: metadata.owner_references,
                deletion_timestamp: metadata.deletion_timestamp,
                ..ObjectMeta::default()
            },
            spec: spec.map(|spec| PodSpec {
                node_name: spec.node_name,
                volumes: spec.volumes.map(|volumes| volumes.into_iter().map(volume).collect()),
                ..PodSpec::default()
            }),
            status: status.map(|status| PodStatus {
                phase: status.phase,
                pod_ip: status.pod_ip,
                conditions: status.conditions,
                container_statuses: status.container_statuses.map(containers),
                init_container_statuses: status.init_container_statuses.map(containers),
                ..PodStatus::default()
            }),
        })
    }
}

fn volume(mount: Mount) -> Volume {
    Volume { persistent_volume_claim: mount.persistent_volume_claim, ..Volume::default() }
}

fn containers(containers: Vec<Container>) -> Vec<ContainerStatus> {
    let state = |state: State| ContainerState {
        waiting: state.waiting,
        running: state.running.map(|_| ContainerStateRunning::default()),
        terminated: state.terminated.map(|_| ContainerStateTerminated::default()),
    };
    let slim = |one: Container| ContainerStatus {
        restart_count: one.restart_count,
        state: one.state.map(state),
        last_state: one.last_state.map(state),
        ..ContainerStatus::default()
    };
    containers.into_iter().map(slim).collect()
}

/// For the API server it is a pod.
impl Resource for SlimPod {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        Pod::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        Pod::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        Pod::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        Pod::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        self.0.meta()
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.0.meta_mut()
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::{Value, json};

    use super::SlimPod;
    use crate::inventory::facts::{self, LabelSets};

    #[test]
    fn no_needed_field_of_a_pod_is_skipped() {
        let mut whole = json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "redis-0", "namespace": "shop", "uid": "u", "resourceVersion": "7",
                "labels": {"app": "redis", "controller-revision-hash": "h"}, "deletionTimestamp": "2026-01-01T00:00:00Z",
                "annotations": {"kubectl-stateful.dev/approval": "yes"}, "managedFields": [{"manager": "m"}],
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "redis", "uid": "set",
                    "controller": true}]},
            "spec": {"nodeName": "n1", "containers": [{"name": "redis", "image": "redis:8.0"}],
                "volumes": [{"name": "a", "emptyDir": {}}, {"name": "data", "persistentVolumeClaim": {"claimName": "c"}}]},
            "status": {"phase": "Running", "podIP": "10.0.0.1",
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{"name": "redis", "image": "redis:8.0", "imageID": "i", "ready": false,
                    "restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}});
        holds(&whole, &["CrashLoopBackOff", "Claim", "n1", "10.0.0.1", "terminating: true", "ready: true", "yes"]);
        let status = &mut whole["status"];
        status["initContainerStatuses"] = status["containerStatuses"].take();
        holds(&whole, &["CrashLoopBackOff"]);
        whole["status"]["phase"] = json!("Pending");
        let never = json!({"name": "redis", "image": "redis:8.0", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": "ErrImagePull"}}});
        whole["status"]["containerStatuses"] = json!([never]);
        holds(&whole, &["never_started: true"]);
        for (field, ran) in [
            ("restartCount", json!(1)),
            ("lastState", json!({"terminated": {"exitCode": 0}})),
            ("state", json!({"running": {}})),
        ] {
            let mut has_run = never.clone();
            has_run[field] = ran;
            whole["status"]["containerStatuses"] = json!([has_run]);
            holds(&whole, &["never_started: false"]);
        }
        whole["status"]["conditions"] =
            json!([{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "it waits"}]);
        holds(&whole, &["SchedulingGated: it waits"]);
    }

    /// Asserts that the facts of a pod are the same whether it is parsed whole or slim, and contain these words.
    fn holds(whole: &Value, parts: &[&str]) {
        let pod: Pod = serde_json::from_value(whole.clone()).expect("a pod");
        let SlimPod(slim) = serde_json::from_value(whole.clone()).expect("a pod");
        let of = |pod: &Pod| format!("{:?}", facts::pod(pod, &LabelSets::default()).expect("remembered"));
        assert_eq!(of(&slim), of(&pod));
        for part in parts {
            assert!(of(&slim).contains(part), "{part} in {}", of(&slim));
        }
    }
}
