//! THINK. Whether the database of a pod ever ran, by the pod's status: removing a pod in which it never ran loses nothing.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

/// The kubelet's waiting reasons for a container that it could not create. Reasons that may become a running container before
/// the API server knows it (`ContainerCreating`, `PodInitializing`) are not among them, and none that follows a run
/// (`CrashLoopBackOff`).
const NOT_CREATED: &[&str] = &[
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
];

/// Whether that container has never started since the pod was created; with an empty name, whether none of its containers has.
/// Where the kubelet has not reported yet, the container counts as started: the status is a moment old, and it may run.
pub(crate) fn never_started(pod: &Pod, container: &str) -> bool {
    let Some(status) = &pod.status else { return false };
    if status.phase.as_deref() != Some("Pending") {
        return false; // a pod stays Pending until each of its containers has started once
    }
    let reported = status.container_statuses.as_deref().unwrap_or_default();
    if reported.is_empty() {
        return fits_no_node(pod); // there is no kubelet that could have started it
    }
    let mut ours = reported.iter().filter(|status| container.is_empty() || status.name == container).peekable();
    ours.peek().is_some() && ours.all(was_never_created)
}

/// Whether the scheduler tried and found no node; before it has tried, it may find one at any moment.
fn fits_no_node(pod: &Pod) -> bool {
    let mut conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let on_a_node = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
    !on_a_node && conditions.any(|condition| condition.type_ == "PodScheduled" && condition.status == "False")
}

fn was_never_created(status: &ContainerStatus) -> bool {
    let before = status.last_state.as_ref();
    let ran = before.is_some_and(|last| last.running.is_some() || last.terminated.is_some());
    let now = status.state.as_ref();
    let runs = now.is_some_and(|state| state.running.is_some() || state.terminated.is_some());
    let why = now.and_then(|state| state.waiting.as_ref()?.reason.as_deref());
    !ran && !runs && status.restart_count == 0 && why.is_some_and(|why| NOT_CREATED.contains(&why))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::{Value, json};

    /// A pod on a node, one container of which is `postgres`.
    fn never_started(postgres: &Value, container: &str) -> bool {
        let mut postgres = postgres.clone();
        postgres["name"] = json!("postgres");
        let pod = json!({"spec": {"nodeName": "n1", "containers": []}, "status": {"phase": "Pending", "containerStatuses": [
            status(&postgres),
            status(&json!({"name": "exporter", "state": {"running": {}}})),
        ]}});
        super::never_started(&serde_json::from_value::<Pod>(pod).expect("a pod"), container)
    }

    fn status(told: &Value) -> Value {
        let mut status = json!({"image": "", "imageID": "", "ready": false, "restartCount": 0});
        for (key, value) in told.as_object().into_iter().flatten() {
            status[key] = value.clone();
        }
        status
    }

    #[test]
    fn a_container_that_could_not_be_created_never_started() {
        for why in super::NOT_CREATED {
            assert!(never_started(&json!({"state": {"waiting": {"reason": why}}}), "postgres"), "{why}");
        }
    }

    #[test]
    fn with_any_other_status_it_may_have_started() {
        let pulling = json!({"waiting": {"reason": "ImagePullBackOff"}});
        for told in [
            json!({"state": {"running": {}}}),
            json!({"state": {"terminated": {"exitCode": 1}}}),
            json!({"state": {"waiting": {"reason": "ContainerCreating"}}}),
            json!({"state": {"waiting": {"reason": "PodInitializing"}}}),
            json!({"state": {"waiting": {"reason": "CrashLoopBackOff"}}}),
            json!({"state": {"waiting": {}}}),
            json!({}),
            json!({"state": pulling, "restartCount": 1}),
            json!({"state": pulling, "lastState": {"terminated": {"exitCode": 0}}}),
        ] {
            assert!(!never_started(&told, "postgres"), "{told}");
        }
        assert!(!never_started(&json!({"state": pulling}), "another"), "no status of that container");
        assert!(
            !never_started(&json!({"state": pulling}), ""),
            "one of its containers runs, and it may be the database"
        );
    }

    #[test]
    fn an_unschedulable_pod_never_started_and_one_without_a_status_may_have() {
        let of = |spec: Value, status: Value| {
            let pod: Pod = serde_json::from_value(json!({"spec": spec, "status": status})).expect("a pod");
            super::never_started(&pod, "postgres")
        };
        let nowhere = json!([{"type": "PodScheduled", "status": "False"}]);
        assert!(of(json!({"containers": []}), json!({"phase": "Pending", "conditions": nowhere})));
        assert!(!of(json!({"containers": []}), json!({"phase": "Pending"})), "the scheduler has not tried yet");
        assert!(!of(json!({"containers": [], "nodeName": "n1"}), json!({"phase": "Pending", "conditions": nowhere})));
        assert!(!of(json!({"containers": []}), json!({"phase": "Running", "conditions": nowhere})));
        assert!(!of(json!({"containers": []}), json!({})));
    }
}
