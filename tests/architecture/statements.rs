//! What is said to a PostgreSQL server, and from where.

use crate::source::{Source, files};

/// Statements and functions that change something, and the folders that may say them.
const CHANGES: &[(&str, &[&str])] = &[
    ("ALTER SYSTEM", &["switchover/"]),
    ("CHECKPOINT\"", &["switchover/"]),
    ("COPY (", &["switchover/"]),
    ("pg_create_physical_replication_slot", &["switchover/"]),
    ("pg_drop_replication_slot", &["switchover/leftover_slots.rs"]),
    ("pg_promote(", &["switchover/"]),
    ("pg_reload_conf", &["switchover/"]),
    ("kill -INT", &["switchover/"]),
    ("standby.signal", &["switchover/"]),
    ("START_REPLICATION", &["switchover/"]),
    ("\"PAUSE {", &["switchover/"]),
    ("\"RESUME {", &["switchover/"]),
    ("\"SET {name}", &["switchover/"]),
    ("CREATE ", &["canary/"]),
    ("DROP ", &["canary/"]),
    ("INSERT ", &["canary/"]),
];

/// What stops a server without its log being sent, ends other people's sessions, or throws data away.
const NEVER: &[&str] = &[
    "kill -9",
    "kill -KILL",
    "kill -QUIT",
    "pg_resetwal",
    "pg_rewind",
    "pg_terminate_backend",
    "pg_cancel_backend",
    "DELETE ",
    "TRUNCATE",
    "UPDATE ",
];

/// Tables of texts for people, which advise what to type, and lines of start scripts; they speak to no server.
const TEXTS: &[&str] = &[
    "engines/src/postgres/profile.rs",
    "engines/src/postgres/conditions.rs",
    "engines/src/postgres/interpret/tests/role_at_start.rs",
];

/// The files that may speak to a server.
fn speaking() -> Vec<Source> {
    files("engines/src/postgres").into_iter().filter(|file| !TEXTS.contains(&file.path.as_str())).collect()
}

#[test]
fn a_table_of_texts_speaks_to_no_server() {
    for file in files("engines/src/postgres").iter().filter(|file| TEXTS.contains(&file.path.as_str())) {
        assert!(!file.joined().contains("await"), "{}", file.path);
    }
}

#[test]
fn only_switchover_and_the_canary_change_a_postgresql_database() {
    let all = speaking();
    for (said, folders) in CHANGES {
        let mut found = false;
        for file in all.iter().filter(|file| file.joined().contains(said)) {
            let may = folders.iter().any(|folder| file.is_in(&format!("engines/src/postgres/{folder}")));
            assert!(may, "{} says {said}", file.path);
            found = true;
        }
        assert!(found, "no code sends {said} any more: take it off the list");
    }
}

#[test]
fn no_code_sends_a_postgresql_what_loses_writes() {
    for file in speaking() {
        for said in NEVER {
            assert!(!file.joined().contains(said), "{} says {said}", file.path);
        }
    }
}

#[test]
fn a_file_that_changes_a_postgresql_says_so() {
    for file in speaking().iter().filter(|file| !file.text.starts_with("//! TOUCH")) {
        for (said, _) in CHANGES.iter().filter(|(said, _)| *said != "START_REPLICATION") {
            assert!(!file.joined().contains(said), "{} changes a database and does not say TOUCH: {said}", file.path);
        }
    }
}
