//! LOOK. Follows a container's own references to the secrets it uses; reads those Secrets and no others.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Container, PodSpec, Secret};
use kube::api::Api;
use stateful_safety::{Entrance, Source, WorkloadId};

use crate::container::parts;
use crate::{Cluster, Error, Result};

/// What the references led to. Not `Debug`: nothing here is ever printed.
#[derive(Clone, Default)]
pub struct Keys {
    /// The password.
    pub password: Option<Vec<u8>>,
    /// The authority that signed the servers, PEM.
    pub authority: Option<Vec<u8>>,
    /// A client certificate, PEM.
    pub certificate: Option<Vec<u8>>,
    /// Its key, PEM.
    pub key: Option<Vec<u8>>,
}

/// Resolves an entrance's references, as the container itself would.
pub async fn resolve(cluster: &Cluster, id: &WorkloadId, entrance: &Entrance) -> Result<Keys> {
    let tls = entrance.tls.clone().unwrap_or_default();
    let wanted = [&entrance.password, &tls.authority, &tls.certificate, &tls.key];
    if wanted.iter().all(|source| source.is_none()) {
        return Ok(Keys::default());
    }
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), &id.namespace);
    let set = sets.get(&id.name).await?;
    let (pod, container) = parts(&set).ok_or_else(|| Error::NotFound(format!("{id} runs no database we know")))?;
    let look = Look { cluster, namespace: &id.namespace, pod, container };
    Ok(Keys {
        password: look.up(entrance.password.as_ref()).await?,
        authority: look.up(tls.authority.as_ref()).await?,
        certificate: look.up(tls.certificate.as_ref()).await?,
        key: look.up(tls.key.as_ref()).await?,
    })
}

struct Look<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
    pod: &'a PodSpec,
    container: &'a Container,
}

impl Look<'_> {
    async fn up(&self, source: Option<&Source>) -> Result<Option<Vec<u8>>> {
        match source {
            None => Ok(None),
            Some(Source::Text(text)) => Ok(Some(text.clone().into_bytes())),
            Some(Source::Secret(name, key)) => self.secret(name, key).await.map(Some),
            Some(Source::Env(name)) => self.env(name).await.map(Some),
            Some(Source::File(path)) => self.file(path).await.map(Some),
        }
    }

    async fn env(&self, name: &str) -> Result<Vec<u8>> {
        let env = self.container.env.iter().flatten().find(|env| env.name == name);
        if let Some(value) = env.and_then(|env| env.value.clone()) {
            return Ok(value.into_bytes());
        }
        let reference = env.and_then(|env| env.value_from.as_ref()?.secret_key_ref.as_ref());
        let reference = reference.ok_or_else(|| {
            Error::Credentials(format!(
                "container {} says its password is in {name}, which no Secret of its own sets; \
                 name one with the annotation kubectl-stateful.dev/password-secret: SECRET/KEY",
                self.container.name
            ))
        })?;
        self.secret(&reference.name, &reference.key).await
    }

    /// A file the container mounts from a Secret, by the longest mount path that holds it.
    async fn file(&self, path: &str) -> Result<Vec<u8>> {
        let mounts = self.container.volume_mounts.iter().flatten();
        let mount =
            mounts.filter(|mount| path.starts_with(&mount.mount_path)).max_by_key(|mount| mount.mount_path.len());
        let secret = mount.and_then(|mount| {
            let volume = self.pod.volumes.iter().flatten().find(|volume| volume.name == mount.name)?;
            let source = volume.secret.as_ref()?;
            let file = path.strip_prefix(&mount.mount_path)?.trim_start_matches('/');
            let file = if file.is_empty() { mount.sub_path.clone()? } else { file.to_owned() };
            let mapped = source.items.iter().flatten().find(|item| item.path == file).map(|item| item.key.clone());
            Some((source.secret_name.clone()?, mapped.unwrap_or(file)))
        });
        let (name, key) = secret.ok_or_else(|| {
            Error::Credentials(format!(
                "container {} reads {path}, which no Secret it mounts provides",
                self.container.name
            ))
        })?;
        self.secret(&name, &key).await
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
