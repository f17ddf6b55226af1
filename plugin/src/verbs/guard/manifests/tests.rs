//! What the options change, and nothing else; and what holds for every webhook.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stateful_cluster::guard::object::GuardObject;

use super::*;

fn defaults() -> Options {
    Options { namespace: NAMESPACE.to_owned(), selectors: Vec::new(), replicas: 2, image: None, cert_manager: false }
}

fn made(options: &Options) -> BTreeMap<String, Value> {
    let objects = objects(options).expect("our own manifests");
    objects.iter().map(|object| (object.to_string(), object.value().clone())).collect()
}

fn webhooks(objects: &BTreeMap<String, Value>) -> Vec<Value> {
    let configurations = objects.values().filter_map(|object| object["webhooks"].as_array());
    configurations.flatten().cloned().collect()
}

/// Which objects differ between two sets, by name; one that is in one set alone differs.
fn different(one: &BTreeMap<String, Value>, other: &BTreeMap<String, Value>) -> Vec<String> {
    let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
    names.filter(|name| one.get(*name) != other.get(*name)).cloned().collect()
}

#[test]
fn every_manifest_there_is_is_installed() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../manifests");
    for (folders, files) in
        [(&["crd", "guard", "policies"][..], FILES.to_vec()), (&["cert-manager"][..], [ISSUED, LAID_OVER].concat())]
    {
        let mut found = Vec::new();
        for folder in folders {
            let entries = std::fs::read_dir(format!("{root}/{folder}")).expect("a folder");
            let paths = entries.map(|entry| entry.expect("an entry").path());
            found.extend(paths.filter(|path| path.file_name().is_some_and(|name| name != "kustomization.yaml")));
        }
        for path in &found {
            let text = std::fs::read_to_string(path).expect("a file");
            assert!(files.contains(&text.as_str()), "{} is not part of the plugin", path.display());
        }
        assert_eq!(found.len(), files.len(), "a file of {folders:?} is there twice");
    }
}

#[test]
fn every_object_bears_the_label_by_which_it_is_found_again() {
    for object in objects(&Options { cert_manager: true, ..defaults() }).expect("our own manifests") {
        assert!(object.is_ours() && object.kind().ours, "{object}");
    }
}

#[test]
fn the_image_is_that_of_this_version() {
    let deployment = &made(&defaults())["deployment.apps/stateful-guard"];
    let image = deployment.pointer("/spec/template/spec/containers/0/image");
    assert_eq!(image, Some(&json!(concat!("kubectl-stateful/webhook:", env!("CARGO_PKG_VERSION")))));
}

#[test]
fn another_namespace_is_said_everywhere() {
    let moved = made(&Options { namespace: "platform".to_owned(), cert_manager: true, ..defaults() });
    for (name, object) in &moved {
        let mut rest = object.to_string();
        // What is not a namespace: the image, the API group and its labels.
        for other in ["kubectl-stateful/webhook:", "kubectl-stateful.dev"] {
            rest = rest.replace(other, "");
        }
        assert!(!rest.contains(NAMESPACE), "{name} still says {NAMESPACE}: {rest}");
    }
    assert!(moved.contains_key("namespace/platform"));
    for hook in webhooks(&moved) {
        assert_eq!(hook.pointer("/clientConfig/service/namespace"), Some(&json!("platform")));
        assert!(left_out(&hook).contains(&json!(["kube-system", "platform"])), "{hook}");
    }
}

#[test]
fn an_option_changes_what_it_is_about_and_nothing_else() {
    let before = made(&defaults());
    let after = made(&Options { replicas: 3, image: Some("team/guard:1".to_owned()), ..defaults() });
    assert_eq!(different(&before, &after), ["deployment.apps/stateful-guard"]);
    let deployment = &after["deployment.apps/stateful-guard"];
    assert_eq!(deployment.pointer("/spec/replicas"), Some(&json!(3)));
    assert_eq!(deployment.pointer("/spec/template/spec/containers/0/image"), Some(&json!("team/guard:1")));

    let issued = made(&Options { cert_manager: true, ..defaults() });
    let changed = different(&before, &issued);
    let expected = [
        "deployment.apps/stateful-guard",
        "mutatingwebhookconfiguration.admissionregistration.k8s.io/stateful-guard",
        "role.rbac.authorization.k8s.io/stateful-guard",
        "validatingwebhookconfiguration.admissionregistration.k8s.io/stateful-guard",
        "certificate.cert-manager.io/stateful-guard",
        "certificate.cert-manager.io/stateful-guard-authority",
        "issuer.cert-manager.io/stateful-guard",
        "issuer.cert-manager.io/stateful-guard-root",
    ];
    assert_eq!(changed, expected);
    let container = issued["deployment.apps/stateful-guard"].pointer("/spec/template/spec/containers/0");
    let container = container.expect("a container");
    assert_eq!(container["args"][2], json!("--certificates=secret"));
    assert_eq!(
        container["image"],
        before["deployment.apps/stateful-guard"]["spec"]["template"]["spec"]["containers"][0]["image"]
    );
}

#[test]
fn a_selector_narrows_every_webhook_and_policy_of_namespaces_and_nothing_else() {
    let selector = crate::cli::label_requirement("tier in (gold)").expect("a requirement");
    let before = made(&defaults());
    let after = made(&Options { selectors: vec![selector.clone()], ..defaults() });
    for hook in webhooks(&after) {
        let expressions = hook.pointer("/namespaceSelector/matchExpressions").expect("a selector");
        assert_eq!(expressions.as_array().and_then(|all| all.last()), Some(&selector.expression()), "{hook}");
    }
    for name in different(&before, &after) {
        assert!(name.contains("configuration.") || name.contains("validatingadmissionpolicybinding."), "{name}");
    }
}

/// The values each `NotIn` of a webhook's selector leaves out.
fn left_out(hook: &Value) -> Vec<Value> {
    let expressions = hook.pointer("/namespaceSelector/matchExpressions").and_then(Value::as_array);
    let not_in = expressions.into_iter().flatten().filter(|expression| expression["operator"] == "NotIn");
    not_in.map(|expression| expression["values"].clone()).collect()
}

/// A request that takes a member or its data away is refused while the guard is away; one that only gets advice passes.
#[test]
fn what_fails_closed_is_about_guarded_namespaces_alone() {
    let hooks = webhooks(&made(&defaults()));
    let mut closed: Vec<&str> = Vec::new();
    for hook in &hooks {
        let name = hook["name"].as_str().expect("a name");
        if hook["failurePolicy"] == "Fail" {
            closed.push(name);
            let expressions = hook.pointer("/namespaceSelector/matchExpressions").and_then(Value::as_array);
            let guarded = json!({"key": "kubectl-stateful.dev/guard", "operator": "In", "values": ["enabled"]});
            assert!(expressions.is_some_and(|all| all.contains(&guarded)), "{name} is about every namespace");
            let rules = hook["rules"].as_array().expect("rules");
            // A selector of namespaces is no limit for what has none.
            assert!(rules.iter().all(|rule| rule["scope"] == "Namespaced"), "{name}");
        }
    }
    closed.sort_unstable();
    let expected = ["deletions", "evictions", "removals"].map(|name| format!("{name}.kubectl-stateful.dev"));
    assert_eq!(closed, expected);
}

#[test]
fn every_webhook_is_quick_leaves_the_system_alone_and_says_its_own_path() {
    for (name, object) in made(&defaults()).into_iter().filter(|(_, object)| object["webhooks"].is_array()) {
        let endpoint = if name.starts_with("mutating") { "mutate" } else { "validate" };
        for hook in object["webhooks"].as_array().expect("webhooks") {
            let (first, rest) = hook["name"].as_str().and_then(|name| name.split_once('.')).expect("a name");
            assert_eq!(rest, "kubectl-stateful.dev");
            assert_eq!(hook.pointer("/clientConfig/service/path"), Some(&json!(format!("/{endpoint}/{first}"))));
            assert!(hook["timeoutSeconds"].as_u64().is_some_and(|seconds| seconds <= 5), "{first}");
            assert_eq!(hook["sideEffects"], "NoneOnDryRun", "{first}");
            // Whatever is here would take what the guard writes away again.
            assert!(hook["clientConfig"].get("caBundle").is_none(), "{first} says whom to trust");
            let out = left_out(hook);
            for values in [json!(["kube-system", NAMESPACE]), json!(["true"]), json!(["aks"])] {
                assert!(out.contains(&values), "{first} does not leave out {values}");
            }
        }
    }
}

#[test]
fn a_grant_names_the_secrets_it_is_about() {
    let [role, binding] = grant("shop", "platform", &["redis".to_owned()]).expect("a grant");
    let rules = json!([{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["redis"], "verbs": ["get"]}]);
    assert_eq!(role.value()["rules"], rules);
    assert_eq!(binding.value()["subjects"][0]["namespace"], "platform");
    assert!([role, binding].iter().all(|object| object.namespace() == Some("shop") && object.is_ours()));
}

#[test]
fn no_webhook_fails_closed_before_the_guard_answers() {
    let objects = objects(&defaults()).expect("our own manifests");
    let is_one = |object: &&GuardObject| object.kind().kind == "ValidatingWebhookConfiguration";
    let configuration = objects.iter().find(is_one).expect("it is there");
    let policies = |object: &GuardObject| -> Vec<Value> {
        let hooks = object.value()["webhooks"].as_array().expect("webhooks");
        hooks.iter().map(|hook| hook["failurePolicy"].clone()).collect()
    };
    let first = opened(configuration, |_| false).expect("a configuration");
    assert!(policies(&first).iter().all(|policy| policy == "Ignore"));
    let later = opened(configuration, |_| true).expect("a configuration");
    assert_eq!(policies(&later), policies(configuration));
}
