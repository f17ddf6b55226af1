//! The versions of a namespace's objects: compared before and after, they show what was changed.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::Namespace;

/// Every kind of object that an operation on a database could change.
const KINDS: &str =
    "statefulsets,controllerrevisions,pods,persistentvolumeclaims,configmaps,secrets,leases,poddisruptionbudgets";

/// Objects of a namespace and their versions.
#[derive(Debug, Clone)]
pub struct ObjectVersions {
    version: fn(&Value) -> String,
    versions: BTreeMap<String, String>,
}

impl ObjectVersions {
    /// Those of now. A Job's pods are left out: they start and end by themselves.
    pub async fn read(namespace: &Namespace) -> Result<Self> {
        Self::read_by(namespace, resource_version).await
    }

    /// The same without what controllers report in `status`: for a namespace in which a member changes by itself.
    pub async fn read_without_status(namespace: &Namespace) -> Result<Self> {
        Self::read_by(namespace, content_without_status).await
    }

    async fn read_by(namespace: &Namespace, version: fn(&Value) -> String) -> Result<Self> {
        let list = namespace.get(&[KINDS]).await?;
        let objects = list["items"].as_array().into_iter().flatten();
        let objects = objects.filter(|object| object["metadata"]["ownerReferences"][0]["kind"] != "Job");
        let key =
            |object: &Value| Some(format!("{}/{}", object["kind"].as_str()?, object["metadata"]["name"].as_str()?));
        let versions = objects.filter_map(|object| Some((key(object)?, version(object)))).collect();
        Ok(Self { version, versions })
    }

    /// Fails if an object was created, changed or deleted since.
    pub async fn expect_unchanged(&self, namespace: &Namespace) -> Result<()> {
        let now = Self::read_by(namespace, self.version).await?;
        let all = self.versions.keys().chain(now.versions.keys());
        let mut changed: Vec<&String> = all.filter(|key| self.versions.get(*key) != now.versions.get(*key)).collect();
        changed.dedup();
        ensure!(changed.is_empty(), "these objects were changed: {changed:?}");
        Ok(())
    }
}

fn resource_version(object: &Value) -> String {
    let metadata = &object["metadata"];
    format!("{}@{}", metadata["uid"], metadata["resourceVersion"])
}

/// With its generation, which grows with each change that is taken back later.
fn content_without_status(object: &Value) -> String {
    let mut content = object.clone();
    content["status"].take();
    for field in ["resourceVersion", "managedFields"] {
        content["metadata"][field].take();
    }
    content.to_string()
}
