//! What a namespace looks like to the API server: compared before and after, it shows who touched what.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use crate::Namespace;

/// Everything a move of a database could touch.
const KINDS: &str =
    "statefulsets,controllerrevisions,pods,persistentvolumeclaims,configmaps,secrets,leases,poddisruptionbudgets";

/// Objects and their versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    versions: BTreeMap<String, String>,
}

impl Trace {
    /// The namespace as it is now. A Job's pods are left out: they come and go by themselves.
    pub async fn of(namespace: &Namespace) -> Result<Self> {
        let told = namespace.get(&[KINDS]).await?;
        let objects = told["items"]
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

    /// Fails with what is not as it was.
    pub async fn is_unchanged(&self, namespace: &Namespace) -> Result<()> {
        let now = Self::of(namespace).await?;
        let all = self.versions.keys().chain(now.versions.keys());
        let mut touched: Vec<&String> = all.filter(|key| self.versions.get(*key) != now.versions.get(*key)).collect();
        touched.dedup();
        ensure!(touched.is_empty(), "these were touched: {touched:?}");
        Ok(())
    }
}
