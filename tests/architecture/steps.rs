//! A step answers four questions in its head, always the same and in the same order.

use crate::source::files;

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
