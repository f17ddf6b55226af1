//! LOOK. Resolves the credentials that a container refers to; reads those Secrets and no others.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Container, PodSpec, Secret};
use kube::api::Api;
use stateful_safety::{ConnectionConfig, SecretSource, WorkloadId};

use super::container::parts;
use crate::{Cluster, Error, Result};

/// Resolved credentials. Not `Debug`, so that they are never printed.
#[derive(Clone, Default)]
pub struct ResolvedSecrets {
    /// The user's name.
    pub username: Option<Vec<u8>>,
    /// The password.
    pub password: Option<Vec<u8>>,
    /// The certificate authority of the servers, PEM.
    pub authority: Option<Vec<u8>>,
    /// The client certificate, PEM.
    pub certificate: Option<Vec<u8>>,
    /// The key of the client certificate, PEM.
    pub key: Option<Vec<u8>>,
}

impl ResolvedSecrets {
    /// User and password as text. The error names the one that is not UTF-8.
    pub fn login(&self) -> std::result::Result<(Option<String>, Option<String>), String> {
        let text = |bytes: &Option<Vec<u8>>, what: &str| {
            let text = bytes.clone().map(String::from_utf8).transpose();
            text.map_err(|_| format!("its {what} is not UTF-8 text"))
        };
        Ok((text(&self.username, "user's name")?, text(&self.password, "password")?))
    }
}

/// Resolves the references of a connection configuration, as the container would. [`Error::Credentials`] when one leads to no
/// Secret or to a key that it does not have.
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
    let (pod, container) = parts(&set, id, cluster.profiles)?;
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
    let secrets = SecretReader { cluster, namespace, pod, container };
    Ok(ResolvedSecrets {
        username: secrets.read(connection_config.username.as_ref()).await?,
        password: secrets.read(connection_config.password.as_ref()).await?,
        authority: secrets.read(tls.authority.as_ref()).await?,
        certificate: secrets.read(tls.certificate.as_ref()).await?,
        key: secrets.read(tls.key.as_ref()).await?,
    })
}

/// The names of the Secrets that a connection configuration refers to; the Secrets are not read.
pub async fn list_secret_names(
    cluster: &Cluster,
    id: &WorkloadId,
    connection_config: &ConnectionConfig,
) -> Result<Vec<String>> {
    let tls = connection_config.tls.clone().unwrap_or_default();
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), &id.namespace);
    let set = sets.get(&id.name).await?;
    let (pod, container) = parts(&set, id, cluster.profiles)?;
    let mut names = Vec::new();
    let sources =
        [&connection_config.username, &connection_config.password, &tls.authority, &tls.certificate, &tls.key];
    for source in sources.into_iter().flatten() {
        if let Location::Secret(name, _) = locate(pod, container, source)? {
            names.push(name);
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// Where a value is.
enum Location {
    /// In the pod itself.
    Inline(Vec<u8>),
    /// In a Secret, by name and key.
    Secret(String, String),
}

/// Where the value of a reference is, as for the container.
fn locate(pod: &PodSpec, container: &Container, source: &SecretSource) -> Result<Location> {
    match source {
        SecretSource::Text(text) => Ok(Location::Inline(text.clone().into_bytes())),
        SecretSource::Secret(name, key) => Ok(Location::Secret(name.clone(), key.clone())),
        SecretSource::Env(name) => env(container, name),
        SecretSource::File(path) => file(pod, container, path),
    }
}

fn env(container: &Container, name: &str) -> Result<Location> {
    let env = container.env.iter().flatten().find(|env| env.name == name);
    if let Some(value) = env.and_then(|env| env.value.clone()) {
        return Ok(Location::Inline(value.into_bytes()));
    }
    let reference = env.and_then(|env| env.value_from.as_ref()?.secret_key_ref.as_ref());
    let reference = reference.ok_or_else(|| {
        Error::Credentials(format!(
            "container {} takes its password from the variable {name}, which no Secret sets; \
             name a Secret with the annotation kubectl-stateful.dev/password-secret: SECRET/KEY",
            container.name
        ))
    })?;
    Ok(Location::Secret(reference.name.clone(), reference.key.clone()))
}

/// A file that the container mounts from a Secret, by the longest mount path that contains it.
fn file(pod: &PodSpec, container: &Container, path: &str) -> Result<Location> {
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
            "container {} reads {path}, which is in none of the Secrets that it mounts; name the Secrets with annotations: \
             kubectl-stateful.dev/password-secret: SECRET/KEY, kubectl-stateful.dev/tls-secret (with ca.crt), \
             kubectl-stateful.dev/tls-client-secret (with tls.crt and tls.key)",
            container.name
        ))
    })?;
    Ok(Location::Secret(name, key))
}

/// Reads the Secrets that a container refers to.
struct SecretReader<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
    pod: &'a PodSpec,
    container: &'a Container,
}

impl SecretReader<'_> {
    async fn read(&self, source: Option<&SecretSource>) -> Result<Option<Vec<u8>>> {
        let Some(source) = source else { return Ok(None) };
        match locate(self.pod, self.container, source)? {
            Location::Inline(bytes) => Ok(Some(bytes)),
            Location::Secret(name, key) => self.secret(&name, &key).await.map(Some),
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
