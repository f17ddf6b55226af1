//! LOOK. Reads what a database's container declares: arguments, environment, ports, mounted files.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Container, PodSpec};
use kube::api::Api;
use stateful_safety::{ContainerFacts, EngineProfiles, WorkloadId};

use super::stateful_set::engine_of;
use crate::{Cluster, Error, PREFIX, Result};

/// Reads the pod template of a workload and the ConfigMaps that its database container mounts, but no Secret.
/// [`Error::NotFound`] when the StatefulSet does not exist or runs no known engine.
pub async fn read_facts(cluster: &Cluster, id: &WorkloadId) -> Result<ContainerFacts> {
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), &id.namespace);
    let set = sets.get(&id.name).await?;
    let (pod, container) = parts(&set, cluster.profiles)
        .ok_or_else(|| Error::NotFound(format!("{id} runs no database engine that this tool knows")))?;
    let facts = declared(cluster, &id.namespace, set.metadata.annotations.as_ref(), pod, container).await;
    Ok(ContainerFacts { kept: kept(&set, pod, container), ..facts })
}

/// Reads what one container of a pod declares, with the ConfigMaps it mounts.
pub(crate) async fn declared(
    cluster: &Cluster,
    namespace: &str,
    annotations: Option<&BTreeMap<String, String>>,
    pod: &PodSpec,
    container: &Container,
) -> ContainerFacts {
    let mut files = BTreeMap::new();
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), namespace);
    for (name, path) in mounted_maps(pod, container) {
        // Without permission to read the ConfigMap, annotations can state what it would have.
        if let Ok(map) = maps.get(&name).await {
            files.extend(map.data.into_iter().flatten().map(|(key, text)| (format!("{path}/{key}"), text)));
        }
    }
    ContainerFacts {
        args: container.command.iter().chain(&container.args).flatten().cloned().collect(),
        env: container.env.iter().flatten().map(|env| (env.name.clone(), env.value.clone())).collect(),
        secrets_from: secrets_from(container),
        ports: container
            .ports
            .iter()
            .flatten()
            .filter_map(|port| {
                let number = u16::try_from(port.container_port).ok()?;
                Some((port.name.clone().unwrap_or_else(|| number.to_string()), number))
            })
            .collect(),
        files,
        kept: Vec::new(),
        annotations: annotations
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.strip_prefix(PREFIX)?.to_owned(), value.clone())))
            .collect(),
    }
}

/// Secrets whose keys all become environment variables of the same names.
fn secrets_from(container: &Container) -> Vec<String> {
    let sources =
        container.env_from.iter().flatten().filter(|source| source.prefix.as_deref().unwrap_or("").is_empty());
    sources.filter_map(|source| Some(source.secret_ref.as_ref()?.name.clone())).collect()
}

/// The pod template of a StatefulSet and the container that runs the database.
pub(crate) fn parts(set: &StatefulSet, profiles: EngineProfiles) -> Option<(&PodSpec, &Container)> {
    let (_, container) = engine_of(set, profiles)?;
    Some((set.spec.as_ref()?.template.spec.as_ref()?, container))
}

/// Paths that a container mounts from a persistent volume claim: of a claim template, or named in the pod.
fn kept(set: &StatefulSet, pod: &PodSpec, container: &Container) -> Vec<String> {
    let templates = set.spec.iter().flat_map(|spec| spec.volume_claim_templates.iter().flatten());
    let own: Vec<&str> = templates.filter_map(|claim| claim.metadata.name.as_deref()).collect();
    let named = |name: &str| {
        pod.volumes.iter().flatten().any(|volume| volume.name == name && volume.persistent_volume_claim.is_some())
    };
    let mounts = container.volume_mounts.iter().flatten();
    mounts
        .filter(|mount| own.contains(&mount.name.as_str()) || named(&mount.name))
        .map(|mount| format!("{}/", mount.mount_path.trim_end_matches('/')))
        .collect()
}

/// The ConfigMaps that a container mounts, each with its path.
fn mounted_maps(pod: &PodSpec, container: &Container) -> Vec<(String, String)> {
    let mounts = container.volume_mounts.iter().flatten();
    mounts
        .filter_map(|mount| {
            let volume = pod.volumes.iter().flatten().find(|volume| volume.name == mount.name)?;
            Some((volume.config_map.as_ref()?.name.clone(), mount.mount_path.trim_end_matches('/').to_owned()))
        })
        .collect()
}
