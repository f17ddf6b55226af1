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
const QUESTIONS: &[&str] = &["cluster/src/connection/permissions.rs"];

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
        "changes/cordon",
        "changes/eviction",
        "changes/rollout",
        "changes/scaling",
        "changes/service_selector",
        "guard/approval",
        "guard/certificate_secret",
        "guard/default_pdb",
        "guard/event_recorder",
        "guard/eviction_records",
        "guard/install",
        "guard/policy_status",
        "journal_records",
        "locks/operation_lock",
    ];
    let listed = listed.map(|name| format!("cluster/src/{name}.rs"));
    assert_eq!(touching, listed);
}

/// The files that delete, each in one place, and what is asked just before: the guard's own objects when it is installed no
/// more, and the budget it made itself when a user writes another.
const DELETES: &[(&str, &[&str])] = &[
    ("cluster/src/guard/default_pdb.rs", &["PART_OF", "if !ours", "Preconditions { uid"]),
    ("cluster/src/guard/install.rs", &["kind().ours", "!there.is_ours()", "Preconditions { uid"]),
];

#[test]
fn a_pod_is_taken_away_by_eviction_alone() {
    let others = files("cluster/src").into_iter().filter(|file| DELETES.iter().all(|(path, _)| file.path != *path));
    for file in others {
        for (number, line) in file.code() {
            let deletes = line.contains(".delete(") || line.contains(".delete_collection(");
            assert!(!deletes, "{}:{number} goes around budgets and the guard: {line}", file.path);
        }
    }
}

#[test]
fn nothing_is_deleted_but_what_bears_our_label() {
    for (path, questions) in DELETES {
        let file = files("cluster/src").into_iter().find(|file| file.path == *path).expect("it is there");
        let code = file.joined();
        assert_eq!(code.matches(".delete").count(), 1, "{path} deletes in one place");
        let before = code.split(".delete").next().expect("a beginning");
        let function = before.rsplit("pub async fn ").next().expect("it is in a function");
        for asked in *questions {
            assert!(function.contains(asked), "{path} deletes without asking {asked}");
        }
    }
}
