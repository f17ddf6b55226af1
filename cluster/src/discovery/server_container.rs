//! THINK. Which container of a StatefulSet's pods runs the server of its database.

use std::cmp::Ordering;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Container, PodSpec};
use stateful_safety::{EngineProfile, EngineProfiles};

use crate::PREFIX;

/// The container that runs the server, as far as the StatefulSet tells.
pub(crate) struct ServerContainer<'a> {
    /// The engine of that server.
    pub(crate) engine: &'static EngineProfile,
    /// The container; the first of those that could be it, where several could.
    pub(crate) container: &'a Container,
    /// The others that could be it just as well: an operation must not choose among them.
    pub(crate) others: Vec<&'a str>,
}

/// The engine that a StatefulSet runs, and the container that runs it. The annotation `engine` names the engine, the annotation
/// `container` the container. Without them, images decide which containers could be the server, and among those the claim and
/// the port: see [`preferred`]. A container that only monitors the servers may have the same image and is skipped. A sidecar
/// among the init containers (`restartPolicy: Always`) is never the server.
pub(crate) fn server_container(set: &StatefulSet, profiles: EngineProfiles) -> Option<ServerContainer<'_>> {
    let pod = set.spec.as_ref()?.template.spec.as_ref()?;
    let containers = &pod.containers;
    let note = |name: &str| set.metadata.annotations.as_ref()?.get(&format!("{PREFIX}{name}"));
    let named = note("container").and_then(|name| containers.iter().find(|container| &container.name == name));
    let of_image = |container: &Container| profiles.find_by_image(container.image.as_deref()?);
    let chosen = |engine, container| Some(ServerContainer { engine, container, others: Vec::new() });
    if let Some(word) = note("engine") {
        let engine = profiles.find_by_word(word)?;
        if let Some(container) = named {
            return chosen(engine, container);
        }
        let of_engine = |container: &&Container| of_image(container) == Some(engine) && !is_monitor(container, engine);
        let by_image: Vec<&Container> = containers.iter().filter(of_engine).collect();
        let possible = if by_image.is_empty() { containers.iter().collect() } else { by_image };
        let possible: Vec<_> = possible.into_iter().map(|container| (engine, container)).collect();
        return preferred(set, pod, &possible);
    }
    if let Some((container, engine)) = named.and_then(|container| Some((container, of_image(container)?))) {
        return chosen(engine, container);
    }
    let servers = containers.iter().filter_map(|container| Some((of_image(container)?, container)));
    let servers: Vec<_> = servers.filter(|(engine, container)| !is_monitor(container, engine)).collect();
    preferred(set, pod, &servers)
}

/// The one that mounts a claim and declares its engine's port, where no other does so too. Where one has the claim and
/// another the port, or both have both, or none has either, nothing tells them apart.
fn preferred<'a>(
    set: &'a StatefulSet,
    pod: &PodSpec,
    possible: &[(&'static EngineProfile, &'a Container)],
) -> Option<ServerContainer<'a>> {
    let signs = |(engine, container): &(&'static EngineProfile, &Container)| {
        let ports = container.ports.iter().flatten();
        let has_port = ports.into_iter().any(|port| port.container_port == i32::from(engine.default_port));
        (!claim_mounts(set, pod, container).is_empty(), has_port)
    };
    let is_behind = |one: (bool, bool), other: (bool, bool)| {
        let (claim, port) = (one.0.cmp(&other.0), one.1.cmp(&other.1));
        one != other && claim != Ordering::Greater && port != Ordering::Greater
    };
    let best: Vec<_> =
        possible.iter().filter(|one| !possible.iter().any(|other| is_behind(signs(one), signs(other)))).collect();
    let ((engine, container), others) = best.split_first()?;
    Some(ServerContainer { engine, container, others: others.iter().map(|(_, other)| other.name.as_str()).collect() })
}

/// Paths that a container mounts from a persistent volume claim: of a claim template, or named in the pod.
pub(crate) fn claim_mounts(set: &StatefulSet, pod: &PodSpec, container: &Container) -> Vec<String> {
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

/// Whether a container with an engine's image is a monitor of its servers and not a server: it is named so, or it is started as
/// one. A script that only mentions the monitor (a server's that asks a Sentinel which member leads) starts a server. The policy
/// `manifests/policies/claim-retention.yaml` has the same rule.
fn is_monitor(container: &Container, engine: &EngineProfile) -> bool {
    let Some(monitor) = engine.monitor_word else { return false };
    let is_named = container.name == monitor || container.name.ends_with(&format!("-{monitor}"));
    let starts_one = |words: &Option<Vec<String>>| {
        let words: Vec<&str> = words.iter().flatten().map(String::as_str).collect();
        starts_monitor(&words, monitor) || words.iter().any(|word| ends_in_monitor(word, monitor))
    };
    is_named || starts_one(&container.command) || starts_one(&container.args)
}

/// Whether these words start a monitor: by its program, through wrappers, or by a switch of the server's program.
fn starts_monitor(words: &[&str], monitor: &str) -> bool {
    let program = words.iter().find(|word| !is_wrapper(word));
    program.is_some_and(|program| is_monitor_program(program, monitor))
        || words.iter().any(|word| word.strip_prefix("--") == Some(monitor))
}

/// A program that becomes the one that comes after it.
fn is_wrapper(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    ["exec", "tini", "dumb-init", "--"].contains(&name)
        || (name.contains("entrypoint") && !word.contains(char::is_whitespace))
}

/// `redis-sentinel`, with or without a path.
fn is_monitor_program(word: &str, monitor: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    !word.contains(char::is_whitespace) && name.ends_with(&format!("-{monitor}"))
}

/// Whether a script ends with the start of a monitor: what a start script becomes is its last command.
fn ends_in_monitor(script: &str, monitor: &str) -> bool {
    let script = script.replace("\\\n", " ");
    let last = script.trim().rsplit(['\n', ';', '&']).next().unwrap_or_default();
    // A single word is an argument, not a script: the host that a client is told, for example.
    script.trim().contains(char::is_whitespace) && starts_monitor(&last.split_whitespace().collect::<Vec<_>>(), monitor)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::StatefulSet;
    use serde_json::{Value, json};

    use super::server_container;
    use crate::test_profiles::PROFILES;

    /// The server's container and those that could be it as well, of pods with a claim template `data`.
    fn found(containers: &Value, init: &Value, annotations: &Value) -> (Option<String>, Vec<String>) {
        let set = json!({
            "metadata": {"name": "a", "annotations": annotations},
            "spec": {
                "selector": {},
                "template": {"spec": {"containers": containers, "initContainers": init}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
            },
        });
        let set: StatefulSet = serde_json::from_value(set).expect("a StatefulSet");
        let found = server_container(&set, PROFILES);
        let others = found.iter().flat_map(|found| found.others.iter().map(|&other| other.to_owned())).collect();
        (found.map(|found| found.container.name.clone()), others)
    }

    fn chosen(containers: &Value) -> (Option<String>, Vec<String>) {
        found(containers, &json!([]), &json!({}))
    }

    fn certain(name: &str) -> (Option<String>, Vec<String>) {
        (Some(name.to_owned()), Vec::new())
    }

    fn container(name: &str, with: &Value) -> Value {
        let mut container = json!({"name": name, "image": "redis:8.0"});
        for (key, value) in with.as_object().into_iter().flatten() {
            container[key] = value.clone();
        }
        container
    }

    #[test]
    fn of_containers_with_the_servers_image_the_one_with_the_claim_and_the_port_is_the_server() {
        let claim = json!({"volumeMounts": [{"name": "data", "mountPath": "/data"}]});
        let port = json!({"ports": [{"containerPort": 4000}]});
        let both = json!({"volumeMounts": claim["volumeMounts"], "ports": port["ports"]});
        let other_mount = json!({"volumeMounts": [{"name": "scripts", "mountPath": "/scripts"}]});
        let sidecar = container("metrics", &other_mount);
        assert_eq!(chosen(&json!([sidecar, container("main", &claim)])), certain("main"));
        assert_eq!(chosen(&json!([sidecar, container("main", &port)])), certain("main"));
        assert_eq!(chosen(&json!([container("backup", &claim), container("main", &both)])), certain("main"));
        assert_eq!(chosen(&json!([container("proxy", &port), container("main", &both)])), certain("main"));
        assert_eq!(chosen(&json!([container("main", &json!({}))])), certain("main"), "the only one");
    }

    #[test]
    fn where_nothing_tells_the_containers_apart_each_of_them_is_named() {
        let claim = json!({"volumeMounts": [{"name": "data", "mountPath": "/data"}]});
        let port = json!({"ports": [{"containerPort": 4000}]});
        let unsure = |one: &Value, other: &Value| chosen(&json!([container("one", one), container("other", other)])).1;
        for (one, other) in [(&claim, &claim), (&port, &port), (&json!({}), &json!({})), (&claim, &port)] {
            assert_eq!(unsure(one, other), ["other"], "{one} {other}");
        }
        let two = json!([container("one", &claim), container("other", &claim)]);
        let named = json!({"kubectl-stateful.dev/container": "other"});
        assert_eq!(found(&two, &json!([]), &named), certain("other"), "the annotation decides");
        let engine = json!({"kubectl-stateful.dev/engine": "redis"});
        assert_eq!(found(&two, &json!([]), &engine).1, ["other"], "the engine's name alone does not decide");
    }

    #[test]
    fn a_sidecar_among_the_init_containers_is_not_the_server() {
        let sidecar = container("sidecar", &json!({"restartPolicy": "Always", "ports": [{"containerPort": 4000}]}));
        let main = json!([container("main", &json!({}))]);
        assert_eq!(found(&main, &json!([sidecar]), &json!({})), certain("main"));
    }

    #[test]
    fn the_engine_of_another_container_is_the_databases_when_that_one_has_the_claim() {
        let cache = json!({"name": "cache", "image": "redis:8.0"});
        let main =
            json!({"name": "main", "image": "postgres:17", "volumeMounts": [{"name": "data", "mountPath": "/d"}]});
        assert_eq!(chosen(&json!([cache, main])), certain("main"));
    }

    #[test]
    fn the_container_annotation_chooses_among_containers_without_the_engine_annotation_too() {
        let containers = json!([
            {"name": "cache", "image": "redis:8.0"}, {"name": "main", "image": "valkey:8.1"}, {"name": "web", "image": "nginx"}
        ]);
        let named = |name: &str| found(&containers, &json!([]), &json!({"kubectl-stateful.dev/container": name}));
        let unsure = (Some("cache".to_owned()), vec!["main".to_owned()]);
        assert_eq!(chosen(&containers), unsure);
        assert_eq!(named("main"), certain("main"));
        assert_eq!(named("web"), unsure, "a container with an unknown image names no engine");
        assert_eq!(named("gone"), unsure, "there is no such container");
    }
}
