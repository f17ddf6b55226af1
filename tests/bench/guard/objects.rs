//! What this bench puts into the cluster beside its namespaces, and takes away again: all of it has one label.

use std::fs;
use std::path::Path;

use anyhow::Result;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde_json::{Value, json};
use stateful_harness::Cluster;

use super::review::{LABEL, REFUSE};
use super::servers::{Running, root};

/// On every object without a namespace.
const OURS: &str = "stateful-bench";

/// Of these kinds there are some.
const KINDS: &str = "validatingwebhookconfigurations,validatingadmissionpolicies,validatingadmissionpolicybindings";

/// Takes away what this run, or one that was killed, has left.
pub(crate) async fn clean(cluster: &Cluster) -> Result<()> {
    cluster.kubectl(&["delete", KINDS, "--selector", OURS, "--ignore-not-found"]).await?;
    // Gatekeeper makes a CRD for each template; it goes before the others, while somebody may still be asked about it.
    for selector in [format!("{OURS}=constraint"), OURS.to_owned()] {
        cluster.kubectl(&["delete", "crd", "--selector", &selector, "--ignore-not-found", "--wait=false"]).await?;
    }
    cluster.kubectl(&["delete", "namespace", "--selector", OURS, "--ignore-not-found", "--wait=false"]).await?;
    Ok(())
}

/// Labels a namespace of ours, so that [`clean`] finds it; and keeps an installed guard's webhooks out of it, which leave
/// out what is part of a control plane.
pub(crate) async fn label(cluster: &Cluster, namespace: &str) -> Result<()> {
    let labels = [format!("{OURS}=namespace"), "control-plane=true".to_owned()];
    cluster.kubectl(&["label", "namespace", namespace, &labels[0], &labels[1]]).await.map(drop)
}

/// Puts a namespace under guard, or takes it out again.
pub(crate) async fn guarded(cluster: &Cluster, namespace: &str, is: bool) -> Result<()> {
    let label = if is { "kubectl-stateful.dev/guard=enabled" } else { "kubectl-stateful.dev/guard-" };
    cluster.kubectl(&["label", "namespace", namespace, label]).await.map(drop)
}

/// The CRD without which no guard is ever ready; one that is there already stays as it is.
pub(crate) async fn policies_kind(cluster: &Cluster) -> Result<()> {
    if cluster.kubectl(&["get", "crd", "disruptionpolicies.kubectl-stateful.dev"]).await.is_ok() {
        return Ok(());
    }
    let crd = root()?.join("manifests/crd/disruptionpolicies.yaml");
    cluster.kubectl_with_input(&["create", "--filename", "-"], &fs::read_to_string(crd)?).await?;
    let crd = "crd/disruptionpolicies.kubectl-stateful.dev";
    cluster.kubectl(&["label", crd, &format!("{OURS}=crd")]).await?;
    cluster.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", crd]).await.map(drop)
}

/// A policy the API server evaluates by itself: true, but for an eviction that asks to be refused.
pub(crate) async fn policy(cluster: &Cluster, namespace: &str, ask: &str) -> Result<()> {
    let name = format!("bench-{ask}");
    let metadata = json!({"name": name, "labels": {OURS: "policy"}});
    let rule =
        json!({"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/eviction"], "operations": ["CREATE"]});
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": metadata,
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [rule],
                "namespaceSelector": in_namespace(namespace),
                "objectSelector": {"matchLabels": {LABEL: ask}},
            },
            "validations": [{"expression": format!("!('{REFUSE}' in object.metadata.labels)")}],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": metadata,
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    });
    create(cluster, &[policy, binding]).await
}

/// A webhook for the evictions that are labelled for it, in one namespace.
pub(crate) async fn webhook(
    cluster: &Cluster,
    namespace: &str,
    ask: &str,
    server: &Running,
    authority: &str,
) -> Result<()> {
    let bundle = BASE64.encode(authority);
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": format!("bench-{ask}"), "labels": {OURS: "webhook"}},
        "webhooks": [{
            "name": webhook_name(ask),
            "admissionReviewVersions": ["v1"],
            "clientConfig": {
                "url": format!("https://{}{}", server.endpoint.address, server.path),
                "caBundle": bundle,
            },
            "failurePolicy": "Fail",
            "namespaceSelector": in_namespace(namespace),
            "objectSelector": {"matchLabels": {LABEL: ask}},
            "rules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/eviction"], "operations": ["CREATE"],
            }],
            "sideEffects": "NoneOnDryRun",
            "timeoutSeconds": 5,
        }],
    });
    create(cluster, &[configuration]).await
}

/// What a webhook is called in the API server's metrics.
pub(crate) fn webhook_name(ask: &str) -> String {
    format!("{ask}.bench.test")
}

fn in_namespace(namespace: &str) -> Value {
    json!({"matchLabels": {"kubernetes.io/metadata.name": namespace}})
}

/// What Gatekeeper needs to begin: its CRDs, as its release has them.
pub(crate) async fn gatekeeper_crds(cluster: &Cluster, source: &Path) -> Result<()> {
    let release = fs::read_to_string(source.join("deploy/gatekeeper.yaml"))?;
    let crds: Vec<&str> =
        release.split("\n---\n").filter(|text| text.contains("\nkind: CustomResourceDefinition\n")).collect();
    cluster.kubectl_with_input(&["create", "--filename", "-"], &crds.join("\n---\n")).await?;
    let names: Vec<String> = crds.iter().filter_map(|text| named(text)).map(|name| format!("crd/{name}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    cluster.kubectl(&[&["label"], names.as_slice(), &[&format!("{OURS}=crd")]].concat()).await?;
    let established = ["wait", "--for=condition=Established", "--timeout=60s"];
    cluster.kubectl(&[established.as_slice(), &names].concat()).await.map(drop)
}

/// The name in a CRD's metadata: the one line that is indented by two.
fn named(crd: &str) -> Option<&str> {
    crd.lines().find_map(|line| line.strip_prefix("  name: "))
}

/// A rule of the same size as the others': one field is read, nothing is looked up, and all is well.
pub(crate) const TEMPLATE: &str = r#"
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: benchalwaysallow}
spec:
  crd: {spec: {names: {kind: BenchAlwaysAllow}}}
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package benchalwaysallow
        violation[{"msg": "never"}] { input.review.object.metadata.name == "" }
"#;

/// Where that rule applies.
pub(crate) const CONSTRAINT: &str = r"
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: BenchAlwaysAllow
metadata: {name: bench}
spec: {match: {kinds: [{apiGroups: [policy], kinds: [Eviction]}]}}
";

/// Gives Gatekeeper its rule.
pub(crate) async fn gatekeeper_rule(cluster: &Cluster) -> Result<()> {
    let crd = "crd/benchalwaysallow.constraints.gatekeeper.sh";
    cluster.kubectl_with_input(&["create", "--filename", "-"], TEMPLATE).await?;
    stateful_harness::until("Gatekeeper takes its template", std::time::Duration::from_mins(1), async || {
        cluster.kubectl(&["label", crd, &format!("{OURS}=constraint"), "--overwrite"]).await?;
        cluster.kubectl_with_input(&["apply", "--filename", "-"], CONSTRAINT).await.map(drop)
    })
    .await
}

/// Creates objects.
pub(crate) async fn create(cluster: &Cluster, objects: &[Value]) -> Result<()> {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
    cluster.kubectl_with_input(&["create", "--filename", "-"], &list).await.map(drop)
}
