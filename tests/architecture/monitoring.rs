//! `manifests/monitoring`: rules and dashboard ask for what the guard says (`docs/guard-metrics.md`, which the guard's own
//! tests hold to its code), and every alert is tried both ways. Whether they fire is tried by `make monitoring`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::promql::asked;
use crate::source::root;

/// What others say and we ask for, each with its labels and where it is defined.
const FOREIGN: &[(&str, &[&str])] = &[
    // Of the API server: k8s.io/apiserver/pkg/admission/metrics.
    ("apiserver_admission_webhook_rejection_count", &["error_type", "name", "operation", "rejection_code", "type"]),
    ("apiserver_admission_webhook_fail_open_count", &["name", "type"]),
];

/// What Prometheus itself adds to each series, as far as we rely on it.
const ADDED: &[&str] = &["instance"];

const FOLDER: &str = "manifests/monitoring";

/// Files of `tests/monitoring` that promtool runs.
const TRIALS: &[&str] = &["databases.yaml", "guard.yaml"];

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect(path)
}

fn yaml(path: &str) -> Value {
    serde_yaml::from_str(&read(path)).expect(path)
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Series there are, with their labels.
fn series() -> BTreeMap<String, BTreeSet<String>> {
    let mut all = BTreeMap::new();
    for row in read("docs/guard-metrics.md").lines().filter(|line| line.starts_with("| `")) {
        let mut cells = row.split(" | ");
        let mut cell = || cells.next().expect("a name, a type, labels and a meaning");
        let (name, kind, labels) = (cell(), cell(), cell());
        let name = name.trim_matches(['|', ' ', '`']);
        let labels = labels.split(", ").map(|label| label.trim().trim_matches('`').to_owned());
        let mut labels: BTreeSet<String> = labels.filter(|label| !label.is_empty()).collect();
        if kind == "histogram" {
            for part in ["_sum", "_count"] {
                all.insert(format!("{name}{part}"), labels.clone());
            }
            labels.insert("le".to_owned());
            all.insert(format!("{name}_bucket"), labels);
        } else {
            all.insert(name.to_owned(), labels);
        }
    }
    assert!(all.len() > 20, "docs/guard-metrics.md is read: {all:?}");
    let foreign =
        FOREIGN.iter().map(|(name, labels)| (*name, labels.iter().map(|label| (*label).to_owned()).collect()));
    all.extend(foreign.map(|(name, labels)| (name.to_owned(), labels)));
    all
}

fn alerts() -> Vec<Value> {
    let rule = yaml(&format!("{FOLDER}/prometheus-rule.yaml"));
    list(&rule["spec"]["groups"]).iter().flat_map(|group| list(&group["rules"])).cloned().collect()
}

/// Every expression of the dashboard.
fn drawn() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&read(&format!("{FOLDER}/dashboard.json"))).expect("JSON");
    let targets = list(&dashboard["panels"]).iter().flat_map(|panel| list(&panel["targets"]));
    targets.map(|target| text(&target["expr"]).to_owned()).collect()
}

/// Fails unless what an expression asks for is there.
fn assert_is_there(expression: &str, series: &BTreeMap<String, BTreeSet<String>>) {
    let asked = asked(expression);
    assert!(!asked.metrics.is_empty(), "{expression} asks for nothing");
    let mut known: BTreeSet<&str> = ADDED.iter().copied().collect();
    for (metric, selected_by) in &asked.metrics {
        assert!(series.contains_key(metric), "{metric} does not exist: {expression}");
        let labels = &series[metric];
        for label in selected_by {
            let there = labels.contains(label) || ADDED.contains(&label.as_str());
            assert!(there, "{metric} has no label {label}: {expression}");
        }
        known.extend(labels.iter().map(String::as_str));
    }
    for label in &asked.grouped_by {
        assert!(known.contains(label.as_str()), "nothing has a label {label}: {expression}");
    }
}

#[test]
fn rules_and_dashboard_ask_for_what_is_there() {
    let series = series();
    let (alerts, drawn) = (alerts(), drawn());
    assert!(!alerts.is_empty() && !drawn.is_empty());
    for alert in &alerts {
        assert_is_there(text(&alert["expr"]), &series);
    }
    for expression in &drawn {
        assert_is_there(expression, &series);
    }
}

#[test]
fn every_series_of_the_trials_could_be_scraped() {
    let series = series();
    for trial in TRIALS {
        for test in list(&yaml(&format!("tests/monitoring/{trial}"))["tests"]) {
            for input in list(&test["input_series"]) {
                assert_is_there(text(&input["series"]), &series);
            }
        }
    }
}

#[test]
fn an_alert_says_how_bad_it_is_how_much_it_is_and_what_to_type() {
    for alert in alerts() {
        let name = text(&alert["alert"]);
        let severity = text(&alert["labels"]["severity"]);
        assert!(["info", "warning", "critical"].contains(&severity), "{name}: {severity}");
        let annotation = |key: &str| text(&alert["annotations"][key]).to_owned();
        assert!(!annotation("summary").is_empty(), "{name}");
        assert!(annotation("description").contains("{{ $value"), "{name}: the description says the number");
        assert!(annotation("runbook").starts_with("kubectl "), "{name}: the runbook is a command");
        let kept = asked(text(&alert["expr"])).grouped_by;
        for template in ["summary", "description", "runbook"].map(annotation) {
            for label in template.split("{{ $labels.").skip(1).filter_map(|rest| rest.split(' ').next()) {
                assert!(kept.contains(label), "{name}: its expression keeps no label {label}");
            }
        }
    }
}

#[test]
fn every_alert_is_tried_both_ways() {
    let mut tried: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
    for trial in TRIALS {
        for test in list(&yaml(&format!("tests/monitoring/{trial}"))["tests"]) {
            for case in list(&test["alert_rule_test"]) {
                let fires = !list(&case["exp_alerts"]).is_empty();
                tried.entry(text(&case["alertname"]).to_owned()).or_default().insert(fires);
            }
        }
    }
    let both = BTreeSet::from([false, true]);
    let wanted = alerts().iter().map(|alert| (text(&alert["alert"]).to_owned(), both.clone())).collect();
    assert_eq!(tried, wanted, "tests/monitoring tries each alert when it fires and when it does not");
}

#[test]
fn the_monitor_finds_the_guard() {
    let (monitor, service) = (yaml(&format!("{FOLDER}/service-monitor.yaml")), yaml("manifests/guard/service.yaml"));
    assert_eq!(monitor["metadata"]["namespace"], service["metadata"]["namespace"]);
    let wanted = monitor["spec"]["selector"]["matchLabels"].as_object().expect("labels");
    assert!(wanted.iter().all(|(label, value)| &service["metadata"]["labels"][label] == value), "{wanted:?}");
    let ports: Vec<&Value> = list(&service["spec"]["ports"]).iter().map(|port| &port["name"]).collect();
    for endpoint in list(&monitor["spec"]["endpoints"]) {
        assert!(ports.contains(&&endpoint["port"]), "{ports:?}");
        assert_eq!(endpoint["honorLabels"], true, "namespace is the database's");
    }
}

#[test]
fn everything_that_lies_there_is_applied() {
    let kustomization = yaml(&format!("{FOLDER}/kustomization.yaml"));
    let generated = list(&kustomization["configMapGenerator"]).iter().flat_map(|map| list(&map["files"]));
    let applied: BTreeSet<String> =
        list(&kustomization["resources"]).iter().chain(generated).map(|file| text(file).to_owned()).collect();
    let entries = fs::read_dir(root().join(FOLDER)).expect("a folder");
    let names = entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned());
    let there: BTreeSet<String> =
        names.filter(|name| !["kustomization.yaml", "README.md"].contains(&name.as_str())).collect();
    assert_eq!(there, applied);
}
