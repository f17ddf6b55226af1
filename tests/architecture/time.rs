//! Who reads a clock. Time is an argument wherever something is decided.

use crate::source::files;

const CLOCKS: &[&str] = &["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now"];

/// Everything that decides: the judge, the interpretation of answers, drawing up, carrying out, reading a journal back.
const THINKS: &[&str] = &[
    "safety/src",
    "engines/src/redis/interpret",
    "engines/src/postgres/interpret",
    "operations/src/patterns",
    "operations/src/steps",
    "operations/src/journal",
];

/// Single files of operations that decide; nearly all beside them in `live/` is the real world.
const THINKING_FILES: &[&str] = &[
    "draw_up.rs",
    "execute.rs",
    "execute/redraw.rs",
    "live/in_front.rs",
    "unfinished.rs",
    "way_back.rs",
    "plan.rs",
    "preflight.rs",
    "recent_backup.rs",
    "restore.rs",
    "surge.rs",
    "look.rs",
    "stuck.rs",
];

#[test]
fn nothing_that_decides_reads_a_clock() {
    let folders = THINKS.iter().flat_map(|folder| files(folder));
    let single = files("operations/src")
        .into_iter()
        .filter(|file| THINKING_FILES.iter().any(|name| file.path == format!("operations/src/{name}")));
    for file in folders.chain(single) {
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
        let there = files("operations/src").iter().any(|file| file.path == format!("operations/src/{name}"));
        assert!(there, "operations/src/{name} has moved: name its new place here");
    }
}
