//! The versions of a namespace's objects: compared before and after, they show what was changed.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use crate::Namespace;

/// Every kind of object that an operation on a database could change.
const KINDS: &str =
    "statefulsets,controllerrevisions,pods,persistentvolumeclaims,configmaps,secrets,leases,poddisruptionbudgets";

/// Objects of a namespace and their versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectVersions {
    versions: BTreeMap<String, String>,
}

impl ObjectVersions {
    /// Those of now. A Job's pods are left out: they start and end by themselves.
    pub async fn read(namespace: &Namespace) -> Result<Self> {
        let list = namespace.get(&[KINDS]).await?;
        let objects = list["items"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|object| object["metadata"]["ownerReferences"][0]["kind"] != "Job");
        let version = |object: &serde_json::Value| {
            let meta = &object["metadata"];
            let key = format!("{}/{}", object["kind"].as_str()?, meta["name"].as_str()?);
            Some((key, format!("{}@{}", meta["uid"].as_str()?, meta["resourceVersion"].as_str()?)))
        };
        Ok(Self { versions: objects.filter_map(version).collect() })
    }

    /// Fails if an object was created, changed or deleted since.
    pub async fn expect_unchanged(&self, namespace: &Namespace) -> Result<()> {
        let now = Self::read(namespace).await?;
        let all = self.versions.keys().chain(now.versions.keys());
        let mut changed: Vec<&String> = all.filter(|key| self.versions.get(*key) != now.versions.get(*key)).collect();
        changed.dedup();
        ensure!(changed.is_empty(), "these objects were changed: {changed:?}");
        Ok(())
    }
}
