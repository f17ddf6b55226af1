//! LOOK. Reads what a database's container declares: arguments, environment, ports, mounted files.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Container, PodSpec};
use kube::api::Api;
use stateful_safety::{ContainerFacts, EngineProfiles, WorkloadId};

use super::server_container::{ServerContainer, claim_mounts, server_container};
use crate::{Cluster, Error, PREFIX, Result};

/// Reads the pod template of a workload and the ConfigMaps that its database container mounts, but no Secret.
/// [`Error::NotFound`] when the StatefulSet does not exist or runs no known engine, [`Error::Target`] when more than one
/// container could be its server.
pub async fn read_facts(cluster: &Cluster, id: &WorkloadId) -> Result<ContainerFacts> {
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), &id.namespace);
    let set = sets.get(&id.name).await?;
    let (pod, container) = parts(&set, id, cluster.profiles)?;
    let facts = declared(cluster, &id.namespace, set.metadata.annotations.as_ref(), pod, container).await;
    Ok(ContainerFacts { kept: claim_mounts(&set, pod, container), ..facts })
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

/// The pod template of a StatefulSet and the container that runs the database. [`Error::NotFound`] when it runs no known
/// engine, [`Error::Target`] when more than one container could be the server.
pub(crate) fn parts<'a>(
    set: &'a StatefulSet,
    id: &WorkloadId,
    profiles: EngineProfiles,
) -> Result<(&'a PodSpec, &'a Container)> {
    let unknown = || Error::NotFound(format!("{id} runs no database engine that this tool knows"));
    let pod = set.spec.as_ref().and_then(|spec| spec.template.spec.as_ref()).ok_or_else(unknown)?;
    let ServerContainer { container, others, .. } = server_container(set, profiles).ok_or_else(unknown)?;
    if others.is_empty() {
        return Ok((pod, container));
    }
    Err(Error::Target(format!(
        "{id} has {} containers that could be its server ({}, {}), and neither a claim nor a port tells which one is; name \
         it: kubectl annotate statefulset {} -n {} {PREFIX}container=NAME",
        others.len() + 1,
        container.name,
        others.join(", "),
        id.name,
        id.namespace
    )))
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

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::StatefulSet;
    use serde_json::json;
    use stateful_safety::WorkloadId;

    use super::parts;
    use crate::test_profiles::PROFILES;

    #[test]
    fn a_database_whose_server_container_is_not_certain_is_refused_with_the_annotation_to_set() {
        let containers = json!([{"name": "one", "image": "redis:8.0"}, {"name": "two", "image": "redis:8.0"}]);
        let set = json!({"spec": {"selector": {}, "template": {"spec": {"containers": containers}}}});
        let set: StatefulSet = serde_json::from_value(set).expect("a StatefulSet");
        let id = WorkloadId { namespace: "shop".to_owned(), name: "db".to_owned() };
        let refused = parts(&set, &id, PROFILES).expect_err("refused").to_string();
        assert!(refused.contains("2 containers that could be its server (one, two)"), "{refused}");
        let command = "kubectl annotate statefulset db -n shop kubectl-stateful.dev/container=NAME";
        assert!(refused.ends_with(command), "{refused}");
    }
}
