//! Who changes Kubernetes: files of `cluster/` that say so in their first word. That no other room can is held by
//! `dependencies.rs`: it does not know the client.

use crate::source::files;

/// Calls that change an object. `create` also asks: a review is created and nothing is kept.
const CHANGES: &[&str] = &[
    ".create(&",
    ".replace(&",
    ".replace(",
    ".patch(&",
    ".patch(",
    ".delete(",
    ".delete_collection(",
    ".evict(",
    ".replace_status(",
    ".patch_status(",
    ".entry(&",
];

/// A file that calls one of them and changes nothing: access reviews are questions put as objects.
const QUESTIONS: &[&str] = &["cluster/src/access.rs"];

#[test]
fn only_files_that_say_touch_change_kubernetes() {
    for file in files("cluster/src") {
        if QUESTIONS.contains(&file.path.as_str()) || file.text.starts_with("//! TOUCH.") {
            continue;
        }
        for (number, line) in file.code().filter(|(_, line)| line.contains(".await")) {
            let change = CHANGES.iter().find(|change| line.contains(**change));
            assert!(change.is_none(), "{}:{number} changes Kubernetes and does not say TOUCH: {line}", file.path);
        }
    }
}

#[test]
fn files_that_say_touch_are_the_ones_the_architecture_lists() {
    let touching: Vec<String> = files("cluster/src")
        .into_iter()
        .filter(|file| file.text.starts_with("//! TOUCH."))
        .map(|file| file.path)
        .collect();
    let listed = [
        "bulletin",
        "claim",
        "cordon",
        "cover",
        "evict",
        "keyring",
        "policy_status",
        "promises",
        "record",
        "rollout",
        "route",
    ];
    let listed = listed.map(|name| format!("cluster/src/{name}.rs"));
    assert_eq!(touching, listed);
}

#[test]
fn a_pod_is_taken_away_by_eviction_alone() {
    for file in files("cluster/src") {
        for (number, line) in file.code() {
            let deletes = line.contains(".delete(") || line.contains(".delete_collection(");
            assert!(!deletes, "{}:{number} goes around budgets and the guard: {line}", file.path);
        }
    }
}
