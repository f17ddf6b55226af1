//! A rule answers four questions in its head, always the same and in the same order, and has a row in the guard's page.

use crate::source::files;

const QUESTIONS: &[&str] =
    &["What it stops.", "Why a budget is not enough.", "How kubectl drain takes it.", "How to pass."];

/// Files beside the rules that are none: the table, and what several of them share.
const NO_RULES: &[&str] = &["mod.rs", "object_rules.rs", "fixtures.rs", "tests.rs"];

#[test]
fn every_rule_says_what_it_stops_why_a_budget_does_not_how_a_drain_takes_it_and_how_to_pass() {
    let in_the_folder = |path: &str| path.strip_prefix("webhook/src/rules/").is_some_and(|name| !name.contains('/'));
    let rules: Vec<_> = files("webhook/src/rules")
        .into_iter()
        .filter(|file| {
            in_the_folder(&file.path) && !NO_RULES.iter().any(|name| file.path.ends_with(&format!("/{name}")))
        })
        .collect();
    assert!(rules.len() >= 8, "the rules have moved: name their new place here");
    for rule in rules {
        let asked: Vec<&str> = rule
            .text
            .lines()
            .filter_map(|line| QUESTIONS.iter().find(|question| line.starts_with(&format!("//! {question}"))))
            .copied()
            .collect();
        assert_eq!(asked, QUESTIONS, "{}", rule.path);
    }
}
