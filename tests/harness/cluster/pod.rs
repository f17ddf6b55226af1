//! A pod, as Kubernetes describes it.

use serde_json::Value;

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its UID: another one is another pod.
    pub uid: String,
    /// Its address, if it has one.
    pub address: Option<String>,
    /// Its node, if it has one.
    pub node: Option<String>,
    /// The image that its first container is to run.
    pub image: String,
    /// Whether the readiness probe of its first container passes.
    pub ready: bool,
}

impl From<&Value> for Pod {
    fn from(object: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        Self {
            name: text(&object["metadata"]["name"]).unwrap_or_default(),
            uid: text(&object["metadata"]["uid"]).unwrap_or_default(),
            address: text(&object["status"]["podIP"]),
            node: text(&object["spec"]["nodeName"]),
            image: text(&object["spec"]["containers"][0]["image"]).unwrap_or_default(),
            ready: object["status"]["containerStatuses"][0]["ready"] == true,
        }
    }
}
