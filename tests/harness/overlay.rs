//! An example with another image: a kustomization on top of it, as a user writes one.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Value, json};

use crate::cluster::is_existing;
use crate::{Namespace, repository};

/// The label of every pod of an example: the namespace's name, so that `kubectl drain` can select one law's pods.
pub(crate) const LABEL: &str = "tests/namespace";

/// The image of a version: that of the repository which `REDIS_IMAGE` names (`POSTGRES_IMAGE`, `MONGO_IMAGE`, and so on, by the name that
/// the example gives its image). Without such a variable, the test cluster's own; with `CLUSTER=existing`, the official one.
pub(crate) fn image(name: &str, version: &str) -> String {
    format!("{}:{version}", repository_of_images(name))
}

fn repository_of_images(name: &str) -> String {
    let variable = format!("{}_IMAGE", name.to_uppercase());
    std::env::var(variable).unwrap_or_else(|_| {
        if is_existing() { name.to_owned() } else { format!("localhost/stateful/{}", folder_of_images(name)) }
    })
}

/// Applies an example with the image of that version.
pub(crate) async fn apply(namespace: &Namespace, example: &str, version: &str) -> Result<()> {
    apply_patched(namespace, example, version, &[]).await
}

/// The patch that appends arguments to the command line of the example's first container; none without arguments.
pub(crate) fn more_arguments(arguments: &[&str]) -> Vec<Value> {
    if arguments.is_empty() {
        return Vec::new();
    }
    let add =
        |argument: &&str| json!({"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": argument});
    let patch = arguments.iter().map(add).collect::<Value>().to_string();
    vec![json!({"target": {"kind": "StatefulSet"}, "patch": patch})]
}

/// The patch that sets the number of members.
pub(crate) fn members(count: usize) -> Value {
    let replicas = json!([{"op": "replace", "path": "/spec/replicas", "value": count}]);
    json!({"target": {"kind": "StatefulSet"}, "patch": replicas.to_string()})
}

/// Applies an example with patches, as a kustomization lists them.
pub(crate) async fn apply_patched(
    namespace: &Namespace,
    example: &str,
    version: &str,
    patches: &[Value],
) -> Result<()> {
    let name = image_of(example);
    let images = repository_of_images(name);
    let folder = folder(namespace.name());
    fs::create_dir_all(&folder)?;
    let mut text = format!(
        "resources: [../../../examples/{example}]\nimages: [{{name: {name}, newName: {images}, newTag: '{version}'}}]\n"
    );
    let label = json!([{"pairs": {LABEL: namespace.name()}, "includeTemplates": true}]);
    let placed = namespace.placement().pod_settings().as_ref().map(placement_patches);
    let patches: Vec<Value> = patches.iter().cloned().chain(placed.into_iter().flatten()).collect();
    // JSON is YAML too.
    writeln!(text, "labels: {label}")?;
    writeln!(text, "patches: {}", Value::from(patches))?;
    fs::write(folder.join("kustomization.yaml"), text)?;
    let applied = namespace.kubectl(&["apply", "--kustomize", &folder.to_string_lossy()]).await;
    fs::remove_dir_all(&folder)?;
    applied.map(drop)
}

/// The patches that add settings to the pods of every kind of workload that examples have.
fn placement_patches(settings: &Value) -> Vec<Value> {
    let patch = |kind: &str| {
        let version = if kind == "Job" { "batch/v1" } else { "apps/v1" };
        let template = json!({"spec": settings});
        let change =
            json!({"apiVersion": version, "kind": kind, "metadata": {"name": "any"}, "spec": {"template": template}});
        json!({"target": {"kind": kind}, "patch": change.to_string()})
    };
    ["StatefulSet", "Deployment", "Job"].map(patch).to_vec()
}

/// The name that an example gives its image: the last folder of its path, up to the first `-`.
fn image_of(example: &str) -> &str {
    let last = example.rsplit('/').next().unwrap_or(example);
    match last.split('-').next().unwrap_or(last) {
        "mongodb" => "mongo",
        name => name,
    }
}

/// The name of the test cluster's images for that image name.
fn folder_of_images(name: &str) -> &str {
    match name {
        "mongo" => "mongodb",
        // No registry that this project may use has CouchDB's server.
        "couchdb" => "couchdb-stand-in",
        name => name,
    }
}

/// Inside the repository, because a kustomization refers to others by relative paths.
fn folder(name: &str) -> PathBuf {
    repository().join("target/harness").join(name)
}

#[cfg(test)]
mod tests {
    use super::image_of;

    #[test]
    fn an_example_is_named_after_its_image() {
        let examples = ["redis", "redis-sentinel", "postgres", "postgres/pgbouncer", "mongodb"];
        assert_eq!(examples.map(image_of), ["redis", "redis", "postgres", "pgbouncer", "mongo"]);
    }
}
