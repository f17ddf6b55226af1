//! Laws of the table of rules: the guard's page and the webhook configurations say what it says.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::{RULES, WebhookKind};

/// The lines between which the table of rules stands in the guard's page.
const BEGIN: &str = "| rule | requests | refused, or changed, when | answer |\n|---|---|---|---|\n";
const END: &str = "\n\n";

fn file(name: &str) -> String {
    format!("{}/../{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_guards_page_has_a_row_for_each_rule_in_the_same_order() {
    let page = fs::read_to_string(file("docs/guard.md")).expect("the guard's page");
    let (table, _) = page.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).expect("the table of rules");
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split('|').map(str::trim).collect()).collect();
    let expected = RULES.iter().map(|rule| {
        let (operations, resource) = rule.about;
        let operations = operations.iter().map(|operation| format!("{operation:?}").to_uppercase());
        (format!("`{}`", rule.name), format!("{} `{resource}`", operations.collect::<Vec<_>>().join(", ")))
    });
    let found = rows.iter().map(|row| (row[1].to_owned(), row[2].to_owned()));
    assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    for row in rows {
        assert!(row.len() == 6 && row[1..5].iter().all(|cell| !cell.is_empty()), "{row:?}");
    }
}

#[test]
fn names_are_used_once_and_no_two_rules_answer_the_same_request_in_the_same_call() {
    let names: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), RULES.len());
    let mut answered = BTreeSet::new();
    for rule in RULES {
        let (operations, resource) = rule.about;
        for operation in operations {
            let one = format!("{:?} {operation:?} {resource}", rule.webhook);
            assert!(answered.insert(one.clone()), "{}: {one} has a rule already", rule.name);
        }
    }
}

#[test]
fn the_webhook_configurations_ask_about_exactly_the_requests_that_have_a_rule() {
    for (webhook, name, path) in
        [(WebhookKind::Validate, "validating", "/validate/"), (WebhookKind::Mutate, "mutating", "/mutate/")]
    {
        let text = fs::read_to_string(file(&format!("manifests/guard/{name}-webhook-configuration.yaml")));
        let asked = requests(&text.expect("a manifest"), path);
        let ruled: BTreeSet<String> = RULES
            .iter()
            .filter(|rule| rule.webhook == webhook)
            .flat_map(|rule| {
                let (operations, resource) = rule.about;
                operations.iter().map(move |operation| format!("{operation:?} {resource}").to_uppercase())
            })
            .collect();
        assert_eq!(asked, ruled, "{name}");
    }
}

/// The requests that a webhook configuration sends, as OPERATION RESOURCE in capitals.
fn requests(text: &str, path: &str) -> BTreeSet<String> {
    let configuration: Value = serde_yaml::from_str(text).expect("YAML");
    let strings = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_uppercase).collect()
    };
    let mut found = BTreeSet::new();
    for webhook in configuration["webhooks"].as_array().expect("webhooks") {
        let service = webhook["clientConfig"]["service"]["path"].as_str().expect("a path");
        assert!(service.starts_with(path), "{service}");
        for rule in webhook["rules"].as_array().expect("rules") {
            for operation in strings(&rule["operations"]) {
                found.extend(strings(&rule["resources"]).iter().map(|resource| format!("{operation} {resource}")));
            }
        }
    }
    found
}
