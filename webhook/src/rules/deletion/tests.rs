//! Laws of finding the pod of a deletion: it is judged like an eviction, unless the pod has ended or is deleted with its
//! whole namespace.

use serde_json::{Value, json};
use stateful_cluster::inventory::Model;

use super::find;
use crate::admission::request::{AdmissionRequest, Operation};
use crate::evaluation::guarded_pod::PodLookup;
use crate::rules::fixtures::{guarded, namespace, pod, redis, request};

fn deletion(old: Value) -> AdmissionRequest {
    request(Operation::Delete, "pods", None, Some(old))
}

fn found(objects: &[Value], request: &AdmissionRequest) -> &'static str {
    match find(request, &Model::of(objects, stateful_operations::engine_profiles()).expect("a model")) {
        PodLookup::Member(_) => "judged",
        PodLookup::NotCached => "refused unseen",
        PodLookup::Moved => "moved",
        PodLookup::Pass(why) => why,
    }
}

#[test]
fn a_running_member_is_judged_whichever_user_deletes_it() {
    let objects = [guarded(), redis(3), pod("redis", 0)];
    for user in ["ana", "system:serviceaccount:kube-system:statefulset-controller", "system:kube-scheduler"] {
        let request = AdmissionRequest { user: user.to_owned(), ..deletion(pod("redis", 0)) };
        assert_eq!(found(&objects, &request), "judged", "{user}");
    }
}

#[test]
fn the_kubelet_and_terminating_pods_pass() {
    let objects = [guarded(), redis(3), pod("redis", 0)];
    let kubelet = AdmissionRequest { groups: vec!["system:nodes".to_owned()], ..deletion(pod("redis", 0)) };
    assert_eq!(found(&objects, &kubelet), "the kubelet has ended it");
    let mut going = pod("redis", 0);
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(found(&objects, &deletion(going)), "it is being deleted already");
}

#[test]
fn the_pods_of_a_terminating_namespace_pass() {
    let mut going = guarded();
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(
        found(&[going, redis(3), pod("redis", 0)], &deletion(pod("redis", 0))),
        "its whole namespace is being deleted"
    );
    let free = [namespace("shop", false), redis(3), pod("redis", 0)];
    assert_eq!(found(&free, &deletion(pod("redis", 0))), "its namespace is not guarded");
}

#[test]
fn only_the_garbage_collector_cleans_up_after_a_statefulset() {
    let mut set = redis(3);
    set["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let objects = [guarded(), set, pod("redis", 0)];
    let by = |user: &str| AdmissionRequest { user: user.to_owned(), ..deletion(pod("redis", 0)) };
    let collector = "system:serviceaccount:kube-system:generic-garbage-collector";
    assert_eq!(found(&objects, &by(collector)), "its StatefulSet is being deleted");
    assert_eq!(found(&objects, &by("ana")), "judged");
    assert_eq!(found(&[guarded(), redis(3), pod("redis", 0)], &by(collector)), "judged", "its StatefulSet stays");
}

#[test]
fn a_running_member_that_is_not_cached_is_refused() {
    let objects = [guarded(), redis(3)];
    assert_eq!(found(&objects, &deletion(pod("redis", 4))), "refused unseen");
    let mut pending = pod("redis", 4);
    pending["status"]["phase"] = json!("Pending");
    assert_eq!(found(&objects, &deletion(pending)), "it is no running member of a database");
    let mut stray = pod("redis", 4);
    stray["metadata"]["ownerReferences"][0]["uid"] = json!("another uid");
    assert_eq!(found(&objects, &deletion(stray)), "it is no running member of a database");
}
