//! `manifests/`: what a user applies is what the code expects, and every file there is applied.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use stateful_cluster::guard::policy;

use crate::golden::assert_golden;
use crate::source::root;

/// What `kubectl apply -k` is told to apply, each with its kustomization.
const SETS: &[&str] = &["crd", "guard", "policies", "cert-manager"];

#[test]
fn the_crd_is_made_from_the_types() {
    let mut crd = policy::crd();
    // By this label `guard uninstall` tells what is ours.
    crd["metadata"]["labels"] = json!({"app.kubernetes.io/part-of": "stateful-guard"});
    let text = serde_yaml::to_string(&crd).expect("YAML");
    assert_golden(
        "manifests/crd/disruptionpolicies.yaml",
        &format!("# Made from cluster/src/guard/policy.rs; do not edit.\n{text}"),
    );
}

#[test]
fn every_manifest_is_applied() {
    for set in SETS {
        let folder = root().join("manifests").join(set);
        let there: BTreeSet<String> = fs::read_dir(&folder)
            .expect("a folder")
            .map(|entry| entry.expect("a readable folder").file_name().to_string_lossy().into_owned())
            .filter(|name| name != "kustomization.yaml")
            .collect();
        let text = fs::read_to_string(folder.join("kustomization.yaml")).expect("a kustomization");
        let kustomization: Value = serde_yaml::from_str(&text).expect("YAML");
        let resources = kustomization["resources"].as_array().into_iter().flatten();
        let patches = kustomization["patches"].as_array().into_iter().flatten().map(|patch| &patch["path"]);
        let named = resources.chain(patches).filter_map(Value::as_str).filter(|name| !name.starts_with("../"));
        assert_eq!(there, named.map(ToOwned::to_owned).collect(), "manifests/{set}/kustomization.yaml lists its files");
    }
}
