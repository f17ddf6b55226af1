//! An example with another image: a kustomization on top of it, as a user writes one.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Value, json};

use crate::{Namespace, repository};

/// The image of a Redis version: the test cluster's own, or another repository's that `REDIS_IMAGE` names.
pub fn image(version: &str) -> String {
    format!("{}:{version}", repository_of_images("redis"))
}

/// The image of a PostgreSQL version, likewise by `POSTGRES_IMAGE`.
pub fn postgres_image(version: &str) -> String {
    format!("{}:{version}", repository_of_images("postgres"))
}

/// The image of a MongoDB version, likewise by `MONGO_IMAGE`.
pub fn mongo_image(version: &str) -> String {
    format!("{}:{version}", repository_of_images("mongo"))
}

fn repository_of_images(name: &str) -> String {
    let variable = format!("{}_IMAGE", name.to_uppercase());
    std::env::var(variable).unwrap_or_else(|_| format!("localhost/stateful/{}", folder_of_images(name)))
}

/// Applies an example with the image of that version.
pub async fn apply(namespace: &Namespace, example: &str, version: &str) -> Result<()> {
    apply_with(namespace, example, version, &[]).await
}

/// The same, with more arguments on the command line of the example's own container.
pub async fn apply_with(namespace: &Namespace, example: &str, version: &str, arguments: &[&str]) -> Result<()> {
    apply_patched(namespace, example, version, &more_arguments(arguments)).await
}

/// The patch that appends arguments to that command line; none without arguments.
pub(crate) fn more_arguments(arguments: &[&str]) -> Vec<Value> {
    if arguments.is_empty() {
        return Vec::new();
    }
    let add =
        |argument: &&str| json!({"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": argument});
    let patch = arguments.iter().map(add).collect::<Value>().to_string();
    vec![json!({"target": {"kind": "StatefulSet"}, "patch": patch})]
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
    // JSON is YAML too.
    writeln!(text, "patches: {}", Value::from(patches))?;
    fs::write(folder.join("kustomization.yaml"), text)?;
    let applied = namespace.kubectl(&["apply", "--kustomize", &folder.to_string_lossy()]).await;
    fs::remove_dir_all(&folder)?;
    applied.map(drop)
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
