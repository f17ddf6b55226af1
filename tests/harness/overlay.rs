//! An example with another image: a kustomization on top of it, as a user would write one.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Value, json};

use crate::Namespace;
use crate::cluster::repository;

/// The image of a Redis version: the test cluster's own, or those of another registry by `REDIS_IMAGE`.
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

/// The same, with more words on the command line of the example's own container.
pub async fn apply_with(namespace: &Namespace, example: &str, version: &str, arguments: &[&str]) -> Result<()> {
    apply_patched(namespace, example, version, &more_words(arguments)).await
}

/// The patch that says more on that command line, if there is more to say.
pub(crate) fn more_words(arguments: &[&str]) -> Vec<Value> {
    if arguments.is_empty() {
        return Vec::new();
    }
    let add = |word: &&str| json!({"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": word});
    let patch = arguments.iter().map(add).collect::<Value>().to_string();
    vec![json!({"target": {"kind": "StatefulSet"}, "patch": patch})]
}

/// The same with any patches, as a kustomization has them.
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

/// What an example calls its image: the last word of its path, without what tells it from others of the same database.
fn image_of(example: &str) -> &str {
    let last = example.rsplit('/').next().unwrap_or(example);
    match last.split('-').next().unwrap_or(last) {
        "mongodb" => "mongo",
        name => name,
    }
}

/// What the test cluster calls its images of that name: as the server, save where everybody's image has a short name.
fn folder_of_images(name: &str) -> &str {
    match name {
        "mongo" => "mongodb",
        // There is none of CouchDB itself.
        "couchdb" => "couchdb-stand-in",
        name => name,
    }
}

/// Inside the repository, because a kustomization refers to others by relative path.
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
