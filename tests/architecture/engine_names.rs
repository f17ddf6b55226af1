//! No engine's name outside its folder, its tests, its example and its row in the registry: code that names an engine has
//! to be found again by whoever adds the next one.
//!
//! Code and messages are read, comments and tests are not: a comment may say for whose sake a line is there.

use crate::source::{Source, product};

/// Parts of the names of engines and of what belongs to one alone, in lower case.
const NAMES: &[&str] = &["redis", "valkey", "postgres", "mongo", "couch", "pgbouncer"];

/// The folder of an engine, and the rows by which the house knows it.
const OWN: &[&str] = &[
    "engines/src/redis/",
    "engines/src/postgres/",
    "engines/src/mongodb/",
    "engines/src/couchdb/",
    "engines/src/lib.rs",
    "engines/src/registry.rs",
];

/// Files that name one all the same, and why that is no engine's business.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("safety/src/model/operator.rs", "custom resources of operators, each with its group and kind"),
    ("cluster/src/discovery/operators.rs", "the custom resource of an operator that sets no owner"),
    ("cluster/src/discovery/poolers.rs", "the image by which a pooler's pod is found"),
    ("cluster/src/backups/mod.rs", "the API group of an operator's backup objects"),
    ("cluster/src/backups/signs.rs", "names of backup programs, as people call their Jobs"),
    ("cluster/src/test_profiles.rs", "profiles for tests"),
    ("operations/src/permissions.rs", "the API group of an operator's backup objects"),
    ("webhook/src/rules/fixtures.rs", "objects for tests"),
    ("plugin/src/report/status.rs", "an example of the annotation that names an engine"),
];

/// Folders whose files show examples in `--help`.
const EXAMPLES: &[&str] = &["plugin/src/verbs/", "plugin/src/verb.rs"];

/// Files that still name an engine and should not. Take one off when it is mended; none may be added.
const LEFT: &[&str] = &[
    "operations/src/restore.rs",
    "safety/src/judge/equals.rs",
    "safety/src/model/blocker.rs",
    "safety/src/reasons/reason.rs",
    "safety/src/model/sharded.rs",
    "safety/src/model/unsettled.rs",
];

/// The first line of code that names an engine.
fn named(file: &Source) -> Option<(usize, &str)> {
    file.code().find(|(_, line)| {
        let line = line.to_lowercase();
        NAMES.iter().any(|name| line.contains(name))
    })
}

fn is_tests(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

#[test]
fn no_engine_is_named_outside_its_folder_and_its_row() {
    for file in product() {
        let may = OWN.iter().chain(EXAMPLES).any(|place| file.is_in(place))
            || EXCEPTIONS.iter().any(|(path, _)| file.path == *path)
            || is_tests(&file.path);
        if let Some((number, line)) = named(&file).filter(|_| !may) {
            assert!(LEFT.contains(&file.path.as_str()), "{}:{number} names an engine: {line}", file.path);
        }
    }
}

#[test]
fn every_exception_names_one() {
    let all = product();
    for (path, _) in EXCEPTIONS {
        let file = all.iter().find(|file| file.path == *path);
        assert!(file.is_some_and(|file| named(file).is_some()), "{path} names no engine: take it off the list");
    }
}
