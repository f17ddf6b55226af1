//! `docs/guard-metrics.md` lists every metric, made from the response to a scrape.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::{env, fs};

use super::*;

const HEAD: &str = "# Metrics of the guard

What `/metrics` of the guard exports. Every replica exports all of it, from its own cache: take `max by (namespace, workload)`
of a gauge and `sum` of a counter. A test holds the rules and the dashboard in `manifests/monitoring` to this list. Made
from the code by `cargo test -p stateful-webhook metrics`; do not edit.

| metric | type | labels | meaning |
|---|---|---|---|
";

/// One of each. A new gauge does not compile until it is given a value here, and then fails until the document has it.
fn filled() -> Metrics {
    let metrics = Metrics::new();
    let text = |text: &str| text.to_owned();
    let one = WorkloadLabels { namespace: text("shop"), workload: text("redis") };
    let member = MemberLabels { namespace: text("shop"), workload: text("redis"), member: text("redis-3") };
    let condition = ConditionLabels { namespace: text("shop"), workload: text("redis"), reason: "STF-RD-001" };
    metrics.count_outcome("eviction", RuleOutcome::Refused, "STF-DB-007");
    metrics.observe_answer("eviction", 0.001);
    metrics.count_unreadable();
    let Gauges {
        synced,
        leader,
        pods,
        workloads,
        promises,
        certificate_expires,
        members,
        members_absent,
        members_on_cordoned,
        in_operation,
        lag_limit,
        assessment_age,
        groups,
        primaries_missing,
        members_away,
        voters_missing,
        blockers,
        lag,
        lag_seconds,
        waiting_since,
    } = &metrics.gauges;
    for plain in [synced, leader, pods, workloads, promises] {
        plain.set(7);
    }
    certificate_expires.set(7.0);
    for of_database in [
        members,
        members_absent,
        members_on_cordoned,
        in_operation,
        lag_limit,
        groups,
        primaries_missing,
        members_away,
        voters_missing,
    ] {
        of_database.get_or_create(&one).set(7);
    }
    assessment_age.get_or_create(&one).set(7.0);
    blockers.get_or_create(&condition).set(7);
    lag.get_or_create(&member).set(7);
    lag_seconds.get_or_create(&member).set(7);
    waiting_since.get_or_create(&member).set(7.0);
    metrics
}

/// A metric as the exposition describes it.
#[derive(Default)]
struct Described {
    kind: String,
    help: String,
    labels: BTreeSet<String>,
}

fn described(text: &str) -> BTreeMap<String, Described> {
    let mut all: BTreeMap<String, Described> = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            help.trim_end_matches('.').clone_into(&mut all.entry(name.to_owned()).or_default().help);
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            kind.clone_into(&mut all.entry(name.to_owned()).or_default().kind);
        } else if let Some((sample, labels)) = line.split_once('{') {
            let (_, described) = all
                .iter_mut()
                .filter(|(name, _)| sample.starts_with(name.as_str()))
                .max_by_key(|(name, _)| name.len())
                .expect("described before");
            let labels = labels.split_once('}').expect("an end").0.split(',');
            let names = labels.map(|label| label.split_once('=').expect("a value").0.to_owned());
            described.labels.extend(names.filter(|name| name != "le"));
        }
    }
    all
}

#[test]
fn the_document_lists_what_a_scrape_returns() {
    let mut table = HEAD.to_owned();
    for (name, Described { kind, help, labels }) in described(&filled().text()) {
        let suffix = if kind == "counter" { "_total" } else { "" };
        let labels = labels.into_iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        writeln!(table, "| `{name}{suffix}` | {kind} | {labels} | {help} |").expect("text");
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guard-metrics.md");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(file, &table).expect("a writable file");
    }
    let found = fs::read_to_string(file).unwrap_or_default();
    assert!(found == table, "docs/guard-metrics.md: UPDATE_GOLDEN=1 writes it again. It should be:\n{table}");
}

#[test]
fn gauges_of_deleted_databases_disappear() {
    let metrics = filled();
    assert!(metrics.text().contains("namespace=\"shop\""));
    metrics.gauges.clear();
    assert!(!metrics.text().contains("namespace=\"shop\""), "{}", metrics.text());
}

#[test]
fn the_first_bypass_of_the_guard_raises_a_counter_from_zero() {
    let text = Metrics::new().text();
    for rule in ["eviction", "deletion"] {
        for (outcome, reason) in [("approved", ""), ("exempt", ""), ("refused", "STF-GD-002")] {
            let labels = format!("rule=\"{rule}\",outcome=\"{outcome}\",reason=\"{reason}\"");
            assert!(text.contains(&format!("\nstateful_guard_verdicts_total{{{labels}}} 0\n")), "{text}");
        }
    }
}
