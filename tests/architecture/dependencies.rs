//! Who may know whom (`ARCHITECTURE.md`, "Rooms"). Direct dependencies only, of every kind: what a room does not declare
//! it cannot name.

use std::collections::BTreeMap;

use cargo_metadata::MetadataCommand;

use crate::source::root;

/// Our packages: the room, and which of our rooms it may know.
const OURS: &[(&str, &[&str])] = &[
    ("stateful-safety", &[]),
    // The explorer is for tests: it knows nothing of us, and the models around a room's decisions are among that room's own tests.
    ("stateful-explorer", &[]),
    ("stateful-engines", &["stateful-safety", "stateful-explorer"]),
    ("stateful-cluster", &["stateful-safety", "stateful-explorer"]),
    ("stateful-operations", &["stateful-safety", "stateful-engines", "stateful-cluster"]),
    ("kubectl-stateful", &["stateful-safety", "stateful-engines", "stateful-cluster", "stateful-operations"]),
    // It judges and acts through the libraries; a database it never speaks to itself.
    ("stateful-webhook", &["stateful-safety", "stateful-cluster", "stateful-operations", "stateful-explorer"]),
    ("stateful-tests", &["stateful-safety", "stateful-engines", "stateful-cluster", "stateful-operations"]),
    // A server for tests, which knows nothing of us; its own tests put the adapter on it.
    ("couchdb-stand-in", &["stateful-safety", "stateful-engines"]),
];

/// Libraries that one room alone may use, since they are how it touches the world.
const RESERVED: &[(&str, &[&str])] = &[
    // A driver: only an engine speaks to a database. The tests' load is a client like any other.
    ("redis", &["stateful-engines", "stateful-tests"]),
    ("tokio-postgres", &["stateful-engines", "stateful-tests"]),
    ("postgres-protocol", &["stateful-engines"]),
    ("tokio-rustls", &["stateful-engines"]),
    // Kubernetes: only the cluster's room changes its objects. The tests use kubectl, as people do.
    ("kube", &["stateful-cluster"]),
    ("k8s-openapi", &["stateful-cluster"]),
    // What people type and see.
    ("clap", &["kubectl-stateful", "stateful-webhook"]),
    ("indicatif", &["kubectl-stateful"]),
    // An error without a type of its own is for the ends: libraries say what can go wrong.
    ("anyhow", &["kubectl-stateful", "stateful-webhook", "stateful-tests"]),
    // What answers the API server, and how it is written down.
    ("axum", &["stateful-webhook"]),
    ("axum-server", &["stateful-webhook"]),
    ("kube-core", &["stateful-webhook"]),
    ("prometheus-client", &["stateful-webhook"]),
];

/// All a room that only thinks may use. No runtime, no clock, no socket; proptest in its tests alone.
const SAFETY_USES: &[&str] = &["serde", "proptest"];

fn declared() -> BTreeMap<String, Vec<String>> {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .expect("cargo metadata");
    let names = |package: &cargo_metadata::Package| package.dependencies.iter().map(|d| d.name.clone()).collect();
    metadata.packages.iter().map(|package| (package.name.to_string(), names(package))).collect()
}

#[test]
fn every_room_knows_only_the_rooms_it_may() {
    let declared = declared();
    let listed: Vec<&str> = OURS.iter().map(|(name, _)| *name).collect();
    for (package, dependencies) in &declared {
        let (_, may) = OURS.iter().find(|(name, _)| name == package).expect("a new room says here whom it may know");
        for ours in dependencies.iter().filter(|name| listed.contains(&name.as_str())) {
            assert!(may.contains(&ours.as_str()), "{package} may not know {ours}");
        }
    }
    assert_eq!(declared.len(), OURS.len(), "a room that is gone is taken off the list");
}

#[test]
fn a_library_that_touches_the_world_is_used_by_its_room_alone() {
    for (package, dependencies) in declared() {
        for (library, rooms) in RESERVED {
            let uses = dependencies.iter().any(|name| name == library);
            assert!(!uses || rooms.contains(&package.as_str()), "{package} may not use {library}, only {rooms:?}");
        }
    }
}

#[test]
fn safety_uses_nothing_that_could_do_anything() {
    let uses = declared().remove("stateful-safety").expect("the room is there");
    assert!(uses.iter().all(|name| SAFETY_USES.contains(&name.as_str())), "{uses:?}");
}
