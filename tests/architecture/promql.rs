//! THINK. What a Prometheus expression asks for: metrics with the labels they are selected by, and labels results are
//! grouped by. A reader of our own expressions, not of the whole language: `promtool` judges those (`make monitoring`).

use std::collections::BTreeSet;

/// What an expression asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Each metric, with the labels it is selected by.
    pub(crate) metrics: Vec<(String, Vec<String>)>,
    /// Labels that results are grouped or matched by.
    pub(crate) grouped_by: BTreeSet<String>,
}

/// Words that are followed by a list of labels.
const BEFORE_LABELS: &[&str] = &["by", "without", "on", "ignoring", "group_left", "group_right"];

/// Words that are no metric, wherever they stand.
const OPERATORS: &[&str] = &["and", "or", "unless", "offset", "bool"];

/// Reads an expression.
pub(crate) fn asked(expression: &str) -> Asked {
    let (mut asked, mut rest, mut labels_follow) = (Asked::default(), expression, false);
    while let Some(first) = rest.chars().next() {
        if is_letter(first) {
            let word;
            (word, rest) =
                rest.split_at(rest.find(|next| !is_letter(next) && !char::is_ascii_digit(&next)).unwrap_or(rest.len()));
            labels_follow = BEFORE_LABELS.contains(&word);
            let is_call = ["(", "by ", "without "].iter().any(|next| rest.trim_start().starts_with(next));
            if !labels_follow && !is_call && !OPERATORS.contains(&word) {
                asked.metrics.push((word.to_owned(), Vec::new()));
            }
        } else if first == '{' {
            let (inside, after) = until(&rest[1..], '}');
            let labels = unquoted(inside)
                .split(',')
                .filter_map(|one| one.split(['=', '!']).next())
                .map(str::trim)
                .map(str::to_owned)
                .filter(|label| !label.is_empty())
                .collect();
            asked.metrics.last_mut().expect("a selector follows its metric").1 = labels;
            rest = after;
        } else if first == '(' && labels_follow {
            let (inside, after) = until(&rest[1..], ')');
            asked
                .grouped_by
                .extend(inside.split(',').map(str::trim).filter(|label| !label.is_empty()).map(str::to_owned));
            (rest, labels_follow) = (after, false);
        } else if first == '[' {
            rest = until(&rest[1..], ']').1;
        } else if first.is_ascii_digit() {
            // A number or a time, with its unit.
            rest = rest.trim_start_matches(|next: char| next.is_ascii_alphanumeric() || next == '.');
        } else {
            rest = &rest[first.len_utf8()..];
        }
    }
    asked
}

fn is_letter(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_' || character == ':'
}

/// Up to a bracket that stands in no quotes, and what comes after it.
fn until(text: &str, bracket: char) -> (&str, &str) {
    let mut quoted = false;
    let end = text.find(|next| {
        quoted ^= next == '"';
        next == bracket && !quoted
    });
    let end = end.expect("a bracket that closes");
    (&text[..end], &text[end + 1..])
}

/// Without what stands in quotes.
fn unquoted(text: &str) -> String {
    text.split('"').step_by(2).collect()
}

#[test]
fn what_an_expression_asks_for_is_found() {
    let text = "time() - 20 * 86400 > on (namespace) group_left () max by (namespace, le) (a_b{x=~\"p, {q}\", y!=\"(\"}) or\n\
                sum(rate(c[$__rate_interval])) unless d offset 5m";
    let metric =
        |name: &str, labels: &[&str]| (name.to_owned(), labels.iter().map(|label| (*label).to_owned()).collect());
    let metrics = vec![metric("a_b", &["x", "y"]), metric("c", &[]), metric("d", &[])];
    assert_eq!(asked(text), Asked { metrics, grouped_by: ["namespace", "le"].map(str::to_owned).into() });
}
