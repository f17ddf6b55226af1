//! LOOK. Follows a container's own references to the secrets it uses; reads those Secrets and no others.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Container, PodSpec, Secret};
use kube::api::Api;
use stateful_safety::{ConnectionConfig, SecretSource, WorkloadId};

use super::container::parts;
use crate::{Cluster, Error, Result};

/// What the references led to. Not `Debug`: nothing here is ever printed.
#[derive(Clone, Default)]
pub struct ResolvedSecrets {
    /// The name of the user to be.
    pub username: Option<Vec<u8>>,
    /// The password.
    pub password: Option<Vec<u8>>,
    /// The authority that signed the servers, PEM.
    pub authority: Option<Vec<u8>>,
    /// A client certificate, PEM.
    pub certificate: Option<Vec<u8>>,
    /// Its key, PEM.
    pub key: Option<Vec<u8>>,
}

impl ResolvedSecrets {
    /// User and password as texts, or which of them is none.
    pub fn login(&self) -> std::result::Result<(Option<String>, Option<String>), String> {
        let text = |bytes: &Option<Vec<u8>>, what: &str| {
            let text = bytes.clone().map(String::from_utf8).transpose();
            text.map_err(|_| format!("its {what} is no text"))
        };
        Ok((text(&self.username, "user's name")?, text(&self.password, "password")?))
    }
}

/// Resolves an entrance's references, as the container itself would.
pub async fn resolve(
    cluster: &Cluster,
    id: &WorkloadId,
    connection_config: &ConnectionConfig,
) -> Result<ResolvedSecrets> {
    let tls = connection_config.tls.clone().unwrap_or_default();
    if [&connection_config.username, &connection_config.password, &tls.authority, &tls.certificate, &tls.key]
        .iter()
        .all(|source| source.is_none())
    {
        return Ok(ResolvedSecrets::default());
    }
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), &id.namespace);
    let set = sets.get(&id.name).await?;
    let (pod, container) =
        parts(&set, cluster.profiles).ok_or_else(|| Error::NotFound(format!("{id} runs no database we know")))?;
    follow(cluster, &id.namespace, pod, container, connection_config).await
}

/// Resolves the references of one container of a pod.
pub(crate) async fn follow(
    cluster: &Cluster,
    namespace: &str,
    pod: &PodSpec,
    container: &Container,
    connection_config: &ConnectionConfig,
) -> Result<ResolvedSecrets> {
    let tls = connection_config.tls.clone().unwrap_or_default();
    let snapshot = Snapshot { cluster, namespace, pod, container };
    Ok(ResolvedSecrets {
        username: snapshot.up(connection_config.username.as_ref()).await?,
        password: snapshot.up(connection_config.password.as_ref()).await?,
        authority: snapshot.up(tls.authority.as_ref()).await?,
        certificate: snapshot.up(tls.certificate.as_ref()).await?,
        key: snapshot.up(tls.key.as_ref()).await?,
    })
}

/// The names of the Secrets an entrance's references lead to; none of them is read.
pub async fn list_secret_names(
    cluster: &Cluster,
    id: &WorkloadId,
    connection_config: &ConnectionConfig,
) -> Result<Vec<String>> {
    let tls = connection_config.tls.clone().unwrap_or_default();
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), &id.namespace);
    let set = sets.get(&id.name).await?;
    let (pod, container) =
        parts(&set, cluster.profiles).ok_or_else(|| Error::NotFound(format!("{id} runs no database we know")))?;
    let mut names = Vec::new();
    let sources =
        [&connection_config.username, &connection_config.password, &tls.authority, &tls.certificate, &tls.key];
    for source in sources.into_iter().flatten() {
        if let Place::Secret(name, _) = place(pod, container, source)? {
            names.push(name);
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// Where a reference leads.
enum Place {
    /// The pod itself says it.
    Here(Vec<u8>),
    /// To a Secret, by name and key.
    Secret(String, String),
}

/// Follows a reference, as the container itself would.
fn place(pod: &PodSpec, container: &Container, source: &SecretSource) -> Result<Place> {
    match source {
        SecretSource::Text(text) => Ok(Place::Here(text.clone().into_bytes())),
        SecretSource::Secret(name, key) => Ok(Place::Secret(name.clone(), key.clone())),
        SecretSource::Env(name) => env(container, name),
        SecretSource::File(path) => file(pod, container, path),
    }
}

fn env(container: &Container, name: &str) -> Result<Place> {
    let env = container.env.iter().flatten().find(|env| env.name == name);
    if let Some(value) = env.and_then(|env| env.value.clone()) {
        return Ok(Place::Here(value.into_bytes()));
    }
    let reference = env.and_then(|env| env.value_from.as_ref()?.secret_key_ref.as_ref());
    let reference = reference.ok_or_else(|| {
        Error::Credentials(format!(
            "container {} says its password is in {name}, which no Secret of its own sets; \
             name one with the annotation kubectl-stateful.dev/password-secret: SECRET/KEY",
            container.name
        ))
    })?;
    Ok(Place::Secret(reference.name.clone(), reference.key.clone()))
}

/// A file the container mounts from a Secret, by the longest mount path that holds it.
fn file(pod: &PodSpec, container: &Container, path: &str) -> Result<Place> {
    let mounts = container.volume_mounts.iter().flatten();
    let mount = mounts.filter(|mount| path.starts_with(&mount.mount_path)).max_by_key(|mount| mount.mount_path.len());
    let secret = mount.and_then(|mount| {
        let volume = pod.volumes.iter().flatten().find(|volume| volume.name == mount.name)?;
        let source = volume.secret.as_ref()?;
        let file = path.strip_prefix(&mount.mount_path)?.trim_start_matches('/');
        let file = if file.is_empty() { mount.sub_path.clone()? } else { file.to_owned() };
        let mapped = source.items.iter().flatten().find(|item| item.path == file).map(|item| item.key.clone());
        Some((source.secret_name.clone()?, mapped.unwrap_or(file)))
    });
    let (name, key) = secret.ok_or_else(|| {
        Error::Credentials(format!(
            "container {} reads {path}, which no Secret it mounts provides; name Secrets that do by annotations: \
             kubectl-stateful.dev/password-secret: SECRET/KEY, kubectl-stateful.dev/tls-secret (with ca.crt), \
             kubectl-stateful.dev/tls-client-secret (with tls.crt and tls.key)",
            container.name
        ))
    })?;
    Ok(Place::Secret(name, key))
}

struct Snapshot<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
    pod: &'a PodSpec,
    container: &'a Container,
}

impl Snapshot<'_> {
    async fn up(&self, source: Option<&SecretSource>) -> Result<Option<Vec<u8>>> {
        let Some(source) = source else { return Ok(None) };
        match place(self.pod, self.container, source)? {
            Place::Here(bytes) => Ok(Some(bytes)),
            Place::Secret(name, key) => self.secret(&name, &key).await.map(Some),
        }
    }

    async fn secret(&self, name: &str, key: &str) -> Result<Vec<u8>> {
        let secrets: Api<Secret> = Api::namespaced(self.cluster.client.clone(), self.namespace);
        let secret = secrets.get(name).await?;
        secret
            .data
            .and_then(|mut data| data.remove(key))
            .map(|bytes| bytes.0)
            .ok_or_else(|| Error::Credentials(format!("Secret {name} has no key {key}")))
    }
}
