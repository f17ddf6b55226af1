//! `docs/patterns.md`: how each goal is reached, made from the tables.

use std::fmt::Write;

use stateful_operations::{Goal, Pattern, Surge};
use stateful_safety::Version;

use crate::golden::assert_golden;
use crate::source::files;

const HEAD: &str = "# Patterns

How `kubectl stateful` reaches a goal: tables of rows, done from top to bottom, never two at once. Before each row acts,
its gates are asked on a fresh snapshot and the journal is written; after it, the members are observed until the row is done.
Made from `operations/src/patterns/` by `tests/architecture`; do not edit.
";

fn all() -> Vec<(&'static str, &'static Pattern)> {
    let renew = |surge| Goal::Upgrade { change: None, restore_primaries: false, repair: false, surge };
    let leave = Goal::EvacuateNode { node: String::new() };
    let lead = Goal::Switchover { member: String::new() };
    let last = Goal::Finalize { release: Version::parse("6.0").expect("a version") };
    vec![
        ("upgrade, rollback", Pattern::of(&renew(Surge::No))),
        ("upgrade --surge", Pattern::of(&renew(Surge::Add))),
        ("drain", Pattern::of(&leave)),
        ("switchover", Pattern::of(&lead)),
        ("finalize", Pattern::of(&last)),
    ]
}

/// The file a pattern's table is in, and what its head says.
fn told(pattern: &Pattern) -> String {
    let path = format!("operations/src/patterns/{}.rs", pattern.name.replace('-', "_"));
    let file = files("operations/src/patterns").into_iter().find(|file| file.path == path);
    let file = file.expect("a pattern is in the file of its name");
    let head: Vec<&str> = file.text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    head.join("\n")
}

#[test]
fn every_table_is_the_pattern_of_a_goal() {
    let tables = files("operations/src/patterns").len() - 1; // beside mod.rs
    assert_eq!(all().len(), tables, "list the new pattern here with the verbs that use it");
}

#[test]
fn the_document_says_what_the_tables_say() {
    let mut text = HEAD.to_owned();
    for (verbs, pattern) in all() {
        let Pattern { name, each_interrupted, first, each_replica, each_primary, each_restored, surge_replica, last } =
            pattern;
        writeln!(text, "\n## {name}\n\nFor `{verbs}`. {}\n", told(pattern)).expect("text");
        text.push_str("| when | step | only while | going back |\n|---|---|---|---|\n");
        let parts = [
            ("before all else, a switchover that was interrupted", each_interrupted),
            ("first", first),
            ("each replica that must move", each_replica),
            ("then each primary that must move", each_primary),
            ("then each group whose primary is restored", each_restored),
            ("then the extra replica; switching over only if it is a primary", surge_replica),
            ("last", last),
        ];
        for (when, rows) in parts {
            for row in *rows {
                let gates: Vec<String> = row.1.iter().map(ToString::to_string).collect();
                let gates = if gates.is_empty() { "always".to_owned() } else { gates.join(", ") };
                writeln!(text, "| {when} | {} | {gates} | {} |", words(&format!("{:?}", row.0)), row.2).expect("text");
            }
        }
    }
    assert_golden("docs/patterns.md", &text);
}

/// `SwitchOver` as people write it: `switch over`.
fn words(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.extend(letter.to_lowercase());
    }
    text
}
