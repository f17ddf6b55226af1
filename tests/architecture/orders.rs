//! What is said to a MongoDB server, and from where.

use crate::source::files;

/// Commands that change something, and where they may be said.
const CHANGES: &[(&str, &[&str])] = &[
    ("\"replSetStepDown\"", &["switchover/mod.rs"]),
    ("\"replSetStepUp\"", &["switchover/election.rs"]),
    ("\"replSetFreeze\"", &["switchover/freeze.rs"]),
    ("\"replSetSyncFrom\"", &["switchover/sync_source.rs"]),
    ("\"appendOplogNote\"", &["switchover/sync_source.rs"]),
    ("\"setFeatureCompatibilityVersion\"", &["finalize.rs"]),
    ("\"update\"", &["canary/collection.rs"]),
    (".drop()", &["canary/collection.rs"]),
];

/// What loses writes, changes who is a member, or throws data away.
const NEVER: &[&str] = &[
    "\"force\": true",
    "replSetReconfig",
    "replSetInitiate",
    "replSetResizeOplog\"",
    "\"shutdown\"",
    "dropDatabase",
    "\"delete\"",
    "\"insert\"",
    "killOp",
    "fsync\"",
    "configureFailPoint",
];

#[test]
fn only_switchover_finalize_and_the_canary_change_a_mongodb() {
    let all = files("engines/src/mongodb");
    for (said, places) in CHANGES {
        let mut found = false;
        for file in all.iter().filter(|file| file.joined().contains(said)) {
            let may = places.iter().any(|place| file.path == format!("engines/src/mongodb/{place}"));
            assert!(may, "{} says {said}", file.path);
            assert!(file.text.starts_with("//! TOUCH"), "{} changes a database and does not say TOUCH", file.path);
            found = true;
        }
        assert!(found, "no code sends {said} any more: take it off the list");
    }
}

#[test]
fn no_code_sends_a_mongodb_what_loses_writes() {
    for file in files("engines/src/mongodb") {
        for said in NEVER {
            assert!(!file.joined().contains(said), "{} says {said}", file.path);
        }
    }
}
