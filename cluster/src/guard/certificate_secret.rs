//! TOUCH. The Secret with the guard's own certificates, written with a precondition on its version, and the copies of its
//! certificate authorities in the webhook configurations.
//!
//! The guard gives the Secret's contents their meaning; here they are bytes. It needs `get`, `list`, `watch` and `update` of
//! that one Secret, `create` in its namespace unless it exists already (that verb cannot be granted by name), and `get` and
//! `patch` of the two configurations by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, watcher};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::metadata::{managed_by, own_annotations};
use crate::{Cluster, Error, FIELD_MANAGER, PREFIX, Result};

/// The type of a Secret that an issuer or `kubectl create secret tls` creates. A Secret's type never changes.
const ISSUED: &str = "kubernetes.io/tls";

/// A Secret that is watched, read and written.
pub struct CertificateSecret {
    secrets: Api<Secret>,
    name: String,
    changed: Arc<Notify>,
    follower: JoinHandle<()>,
}

/// The contents of the Secret. Not `Debug`: it contains private keys.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretContents {
    /// Its data.
    pub entries: BTreeMap<String, Vec<u8>>,
    /// Its annotations under this tool's prefix, by their names without it.
    pub notes: BTreeMap<String, String>,
}

/// The Secret as it was read: the version that a write may replace.
pub struct SecretVersion {
    object: Secret,
}

impl SecretVersion {
    /// Whether another issuer maintains it: then it is read and never written.
    pub fn is_issued_by_others(&self) -> bool {
        self.object.type_.as_deref() == Some(ISSUED)
    }
}

impl CertificateSecret {
    /// Starts to watch a Secret, which need not exist yet.
    pub fn follow(cluster: &Cluster, namespace: &str, name: &str) -> Self {
        let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), namespace);
        let changed = Arc::new(Notify::new());
        let only = Config::default().fields(&format!("metadata.name={name}"));
        let mut events = Box::pin(watcher(secrets.clone(), only).default_backoff());
        let follower = tokio::spawn({
            let changed = Arc::clone(&changed);
            async move {
                while let Some(event) = events.next().await {
                    // A refused watch reports nothing: the caller also reads the Secret from time to time.
                    if event.is_ok() {
                        changed.notify_one();
                    }
                }
            }
        });
        Self { secrets, name: name.to_owned(), changed, follower }
    }

    /// Returns when the Secret may have changed since the last call. It is a hint; [`CertificateSecret::load`] is the truth.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// LOOK. Its contents and version now; `None` when there is no such Secret.
    pub async fn load(&self) -> Result<Option<(SecretContents, SecretVersion)>> {
        let Some(object) = self.secrets.get_opt(&self.name).await? else { return Ok(None) };
        let data = object.data.clone().unwrap_or_default();
        let entries = data.into_iter().map(|(key, value)| (key, value.0)).collect();
        Ok(Some((
            SecretContents { entries, notes: own_annotations(object.metadata.annotations.as_ref()) },
            SecretVersion { object },
        )))
    }

    /// Writes it, provided that its version is still `over`; without one, provided that it does not exist.
    /// [`Error::Conflict`] when another writer was faster. Entries and annotations of others stay.
    pub async fn save(&self, contents: &SecretContents, over: Option<&SecretVersion>) -> Result<()> {
        let mut object = over.map_or_else(|| empty(&self.name), |mark| mark.object.clone());
        let data = contents.entries.iter().map(|(key, value)| (key.clone(), ByteString(value.clone())));
        object.data.get_or_insert_default().extend(data);
        let annotations = object.metadata.annotations.get_or_insert_default();
        annotations.retain(|key, _| !key.starts_with(PREFIX));
        annotations.extend(contents.notes.iter().map(|(key, value)| (format!("{PREFIX}{key}"), value.clone())));
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        match over {
            None => self.secrets.create(&params, &object).await?,
            Some(_) => self.secrets.replace(&self.name, &params, &object).await?,
        };
        Ok(())
    }
}

impl Drop for CertificateSecret {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

fn empty(name: &str) -> Secret {
    Secret {
        metadata: ObjectMeta { name: Some(name.to_owned()), labels: Some(managed_by()), ..ObjectMeta::default() },
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    }
}

/// Writes a bundle of certificate authorities (PEM) into every webhook of the validating and of the mutating configuration of
/// that name, where it differs. A configuration that does not exist is skipped.
pub async fn publish_authorities(cluster: &Cluster, name: &str, bundle: &[u8]) -> Result<()> {
    put::<ValidatingWebhookConfiguration>(cluster, name, bundle).await?;
    put::<MutatingWebhookConfiguration>(cluster, name, bundle).await
}

/// A kind of webhook configuration: its webhooks by name, each with the configuration of its client.
trait Configuration: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned {
    fn webhooks(&self) -> Vec<(&str, &WebhookClientConfig)>;
}

impl Configuration for ValidatingWebhookConfiguration {
    fn webhooks(&self) -> Vec<(&str, &WebhookClientConfig)> {
        self.webhooks.iter().flatten().map(|hook| (hook.name.as_str(), &hook.client_config)).collect()
    }
}

impl Configuration for MutatingWebhookConfiguration {
    fn webhooks(&self) -> Vec<(&str, &WebhookClientConfig)> {
        self.webhooks.iter().flatten().map(|hook| (hook.name.as_str(), &hook.client_config)).collect()
    }
}

async fn put<K: Configuration>(cluster: &Cluster, name: &str, bundle: &[u8]) -> Result<()> {
    let configurations: Api<K> = Api::all(cluster.client.clone());
    let Some(configuration) = configurations.get_opt(name).await? else { return Ok(()) };
    let changes = changes(&configuration.webhooks(), bundle);
    if changes.is_empty() {
        return Ok(());
    }
    let changes: json_patch::Patch =
        serde_json::from_value(Value::Array(changes)).map_err(|error| Error::Answer(error.to_string()))?;
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    configurations.patch(name, &params, &Patch::<()>::Json(changes)).await?;
    Ok(())
}

/// A JSON patch of that field. It tests that each index is still the intended webhook: another webhook may have been inserted
/// before it, and the API server applies the patch to the state at that time.
fn changes(webhooks: &[(&str, &WebhookClientConfig)], bundle: &[u8]) -> Vec<Value> {
    let wanted = ByteString(bundle.to_vec());
    let differs = webhooks.iter().enumerate().filter(|(_, (_, client))| client.ca_bundle.as_ref() != Some(&wanted));
    let changes = differs.flat_map(|(index, (name, _))| {
        [
            json!({"op": "test", "path": format!("/webhooks/{index}/name"), "value": name}),
            json!({"op": "add", "path": format!("/webhooks/{index}/clientConfig/caBundle"), "value": wanted}),
        ]
    });
    changes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_written_where_it_differs_and_nowhere_else() {
        let with = |bundle: Option<&[u8]>| WebhookClientConfig {
            ca_bundle: bundle.map(|bytes| ByteString(bytes.to_vec())),
            ..WebhookClientConfig::default()
        };
        let (none, old, new) = (with(None), with(Some(b"old")), with(Some(b"new")));
        let changes = changes(&[("a", &none), ("b", &new), ("c", &old)], b"new");
        let expected = json!([
            {"op": "test", "path": "/webhooks/0/name", "value": "a"},
            {"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": "bmV3"},
            {"op": "test", "path": "/webhooks/2/name", "value": "c"},
            {"op": "add", "path": "/webhooks/2/clientConfig/caBundle", "value": "bmV3"},
        ]);
        assert_eq!(Value::Array(changes), expected);
    }
}
