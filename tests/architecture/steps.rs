//! A step is a file and a row: it answers four questions in its head, always the same and in the same order, and no code
//! but that whose order depends on a certain step names one.

use crate::source::{files, product};

const QUESTIONS: &[&str] = &["//! # What it does", "//! # Safe to repeat because", "//! # Undo", "//! # Gives up when"];

#[test]
fn every_step_says_what_it_does_why_twice_is_safe_how_back_and_when_it_gives_up() {
    let steps: Vec<_> =
        files("operations/src/steps").into_iter().filter(|file| !file.path.ends_with("/mod.rs")).collect();
    assert!(!steps.is_empty(), "the steps have moved: name their new place here");
    for step in steps {
        let headings: Vec<&str> = step.text.lines().filter(|line| line.starts_with("//! # ")).collect();
        assert_eq!(headings, QUESTIONS, "{}", step.path);
    }
}

/// Where steps are named, and why another step does not have to be named there too.
const NAMED: &[(&str, &str)] = &[
    ("operations/src/steps/", "the steps themselves"),
    ("operations/src/patterns/", "tables of steps"),
    ("operations/src/planning/", "the order of certain steps depends on what is observed"),
    ("operations/src/preflight/", "checks about certain steps"),
    ("operations/src/plan/", "holds the rollout again; a new template makes every member an outdated one"),
    ("operations/src/journal/", "a plan that finishes a switchover leaves that switchover open"),
];

#[test]
fn no_other_code_names_a_step() {
    let names = |text: &str| {
        ["Step::", "StepKind::", "steps::{"].iter().any(|start| {
            text.match_indices(start).any(|(at, _)| {
                let named = text[at + start.len()..].chars().next().is_some_and(char::is_uppercase);
                named && !text[..at].ends_with(char::is_alphanumeric)
            })
        })
    };
    for file in product().iter().filter(|file| !NAMED.iter().any(|(place, _)| file.is_in(place))) {
        for (number, line) in file.code() {
            let named = line.contains("steps::{Step") || line.contains("steps::{Situation") || !names(line);
            assert!(named, "{}:{number} names a step: whoever adds one would have to find it: {line}", file.path);
        }
    }
}
