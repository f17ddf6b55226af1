//! Files one can read in one go, named after what is in them.

use crate::source::{ROOMS, files};

/// No file is longer.
const LIMIT: usize = 400;

/// Those that are longer than 300 lines, and why they are one idea all the same. Take one off when it has shrunk.
const LONG: &[(&str, &str)] = &[
    ("engines/src/mongodb/interpret/tests.rs", "one case of a recorded answer after another, each read by itself"),
    (
        "engines/tests/mongodb/servers.rs",
        "how one kind of server is started: as a set, sharded, with TLS; what they share would be parameters",
    ),
    (
        "engines/tests/postgres/servers.rs",
        "how one kind of server is started, and the faults that only its files can show",
    ),
    ("plugin/src/verbs/guard/install.rs", "one verb, with its arguments and every object that it applies"),
    ("tests/harness/engines/mongodb/database.rs", "one engine's deployment in all its shapes"),
    ("tests/harness/laws/schedule.rs", "one queue with the tests of its order"),
    ("safety/src/reasons/reason.rs", "one enum with its code, its limit and its words; apart they would drift apart"),
];

#[test]
fn no_file_is_too_long_to_read() {
    let all = ROOMS.iter().chain(&["tests"]).flat_map(|room| files(room));
    let long: Vec<(String, usize)> =
        all.map(|file| (file.path, file.text.lines().count())).filter(|(_, lines)| *lines > 300).collect();
    for (path, lines) in &long {
        assert!(*lines <= LIMIT, "{path} has {lines} lines, the limit is {LIMIT}: split it");
        let excused = LONG.iter().any(|(listed, _)| listed == path);
        assert!(excused, "{path} has {lines} lines: split it, or list it in this test with the reason why not");
    }
    for (listed, _) in LONG {
        assert!(long.iter().any(|(path, _)| path == listed), "{listed} is short by now: take it off the list");
    }
}

#[test]
fn no_file_is_named_after_nothing() {
    for file in ROOMS.iter().chain(&["tests"]).flat_map(|room| files(room)) {
        let name = file.path.rsplit('/').next().expect("a file has a name");
        let nothing = ["utils.rs", "util.rs", "helpers.rs", "common.rs", "misc.rs"];
        assert!(!nothing.contains(&name), "{}: name it after what is in it", file.path);
    }
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    for file in ROOMS.iter().flat_map(|room| files(&format!("{room}/src"))) {
        let explained = file.text.is_empty() || file.text.starts_with("//!");
        assert!(explained, "{} does not say in its first line what it is for", file.path);
    }
}
