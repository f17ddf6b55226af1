//! `manifests/policies`: the API server's own rules, each built like the others, about the same databases as the code.

use std::fs;

use stateful_safety::EngineProfile;

use crate::source::root;

/// Each file, by its name without `.yaml`.
fn files() -> Vec<(String, String)> {
    let folder = fs::read_dir(root().join("manifests/policies")).expect("a folder");
    let mut files: Vec<(String, String)> = folder
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.file_name().is_some_and(|name| name != "kustomization.yaml"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(path).expect("a readable file"))
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_policy_and_its_binding_are_a_file_and_hold_when_the_guard_does_not_answer() {
    let files = files();
    assert!(!files.is_empty());
    for (name, text) in files {
        let documents: Vec<&str> = text.split("\n---\n").collect();
        let [policy, binding] = documents[..] else { panic!("{name}: a policy and its binding") };
        let both = format!("  name: stateful-guard-{name}\n  labels:\n    app.kubernetes.io/part-of: stateful-guard\n");
        assert!(policy.contains("\nkind: ValidatingAdmissionPolicy\n") && policy.contains(&both), "{name}: the policy");
        assert!(policy.contains("\n  failurePolicy: Fail\n"), "{name}: what cannot be read does not pass");
        assert!(policy.contains("(STF-"), "{name}: it says a code of docs/reasons.md");
        assert!(
            binding.contains("\nkind: ValidatingAdmissionPolicyBinding\n") && binding.contains(&both),
            "{name}: binding"
        );
        assert!(binding.contains(&format!("\n  policyName: stateful-guard-{name}\n")), "{name}: it binds its policy");
        assert!(binding.contains("\n  validationActions: [Deny]\n"), "{name}: it denies");
        assert!(binding.contains("        kubectl-stateful.dev/guard: enabled\n"), "{name}: only what is under guard");
        if binding.contains("namespaceSelector:") {
            assert!(binding.contains("values: [kube-system]"), "{name}: never Kubernetes' own namespace");
        }
    }
}

#[test]
fn a_database_is_the_same_for_the_api_server_as_for_the_code() {
    let (_, text) = files().into_iter().find(|(name, _)| name == "claim-retention").expect("the policy on claims");
    let engines: Vec<&EngineProfile> = stateful_engines::profiles().iter().collect();
    let images: Vec<&str> = engines.iter().flat_map(|engine| engine.images).copied().collect();
    let pattern = format!("matches('^(.*/)?({})([@:][^/]*)?$')", images.join("|"));
    assert!(text.contains(&pattern), "images should be told by {pattern}");
    let words: Vec<String> = engines.iter().flat_map(|engine| engine.words).map(|word| format!("'{word}'")).collect();
    let list = format!("variables.engine in [{}]", words.join(", "));
    assert!(text.contains(&list), "the annotation should be told by {list}");
}
