//! Who reads a clock. Time is an argument wherever something is decided.

use crate::source::{Source, files, product};

const CLOCKS: &[&str] = &["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now"];

/// Folders in which everything decides: the judge, the interpretation of answers, planning, carrying out, reading a journal.
const THINKS: &[&str] = &["safety/src", "operations/src/patterns", "operations/src/steps", "operations/src/journal"];

/// What a file says in its first word when it decides and does nothing else.
const THINK: &str = "//! THINK";

/// Files that decide and whose first line does not begin with that word, each by the end of its path.
const THINKING_FILES: &[&str] = &[
    "/execution/mod.rs",
    "/execution/replan.rs",
    "/execution/unstartable_pod.rs",
    "/plan/mod.rs",
    "/planning/retry.rs",
    "/snapshot.rs",
];

/// Whether a file decides: by its folder, by its first word or by its name.
fn decides(file: &Source) -> bool {
    let interprets = file.path.starts_with("engines/src/") && file.path.contains("/interpret");
    let listed = || {
        let in_operations = file.path.starts_with("operations/src/");
        in_operations && THINKING_FILES.iter().any(|name| file.path.ends_with(name))
    };
    interprets
        || file.text.starts_with(THINK)
        || THINKS.iter().any(|folder| file.is_in(&format!("{folder}/")))
        || listed()
}

#[test]
fn nothing_that_decides_reads_a_clock() {
    for file in product().iter().filter(|file| decides(file)) {
        for (number, line) in file.code() {
            let clock = CLOCKS.iter().find(|clock| line.contains(**clock));
            assert!(clock.is_none(), "{}:{number} reads a clock: {line}", file.path);
        }
    }
}

#[test]
fn the_places_that_must_not_are_there() {
    for folder in THINKS {
        assert!(!files(folder).is_empty(), "{folder} has moved: name its new place here");
    }
    for name in THINKING_FILES {
        let there = files("operations/src").iter().any(|file| file.path.ends_with(name));
        assert!(there, "operations/src/**{name} has moved: name its new place here");
    }
    assert!(
        product().iter().filter(|file| file.text.starts_with(THINK)).count() > 20,
        "{THINK} has become another word"
    );
}
