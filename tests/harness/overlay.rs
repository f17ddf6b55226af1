//! An example with another image: a kustomization on top of it, as a user would write one.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use crate::Namespace;
use crate::cluster::repository;

/// The image of a Redis version: the test cluster's own, or those of another registry by `REDIS_IMAGE`.
pub fn image(version: &str) -> String {
    format!("{}:{version}", repository_of_images())
}

fn repository_of_images() -> String {
    std::env::var("REDIS_IMAGE").unwrap_or_else(|_| "localhost/stateful/redis".to_owned())
}

/// Applies an example with the image of that version.
pub async fn apply(namespace: &Namespace, example: &str, version: &str) -> Result<()> {
    let images = repository_of_images();
    let folder = folder(namespace.name());
    fs::create_dir_all(&folder)?;
    let text = format!(
        "resources: [../../../examples/{example}]\nimages: [{{name: redis, newName: {images}, newTag: '{version}'}}]\n"
    );
    fs::write(folder.join("kustomization.yaml"), text)?;
    let applied = namespace.kubectl(&["apply", "--kustomize", &folder.to_string_lossy()]).await;
    fs::remove_dir_all(&folder)?;
    applied.map(drop)
}

/// Inside the repository, because a kustomization refers to others by relative path.
fn folder(name: &str) -> PathBuf {
    repository().join("target/harness").join(name)
}
