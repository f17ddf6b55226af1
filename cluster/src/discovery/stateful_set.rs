//! THINK. A StatefulSet and its pods become a [`Workload`], if it runs a database engine this tool knows.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{Container, Pod};
use serde_json::Value;
use stateful_safety::{EngineProfile, EngineProfiles, Member, Rollout, VolumeClaims, Workload, WorkloadId};

use super::field_managers::{replicas_owner, template_owner};
use super::member::{member, ordinal};
use super::operators::operator_owner;
use crate::PREFIX;

/// The workload of a StatefulSet and those of the pods that it owns; `None` when it runs no engine of the profiles.
pub(crate) fn workload(set: &StatefulSet, pods: &[Pod], profiles: EngineProfiles) -> Option<Workload> {
    let spec = set.spec.as_ref()?;
    let (engine, container) = engine_of(set, profiles)?;
    let status = set.status.as_ref();
    // Until the controller has observed the newest template, its update revision is an older one.
    let seen = status.and_then(|status| status.observed_generation) >= set.metadata.generation;
    let uid = set.metadata.uid.clone()?;
    let mut members: Vec<Arc<Member>> = pods
        .iter()
        .filter(|pod| pod.metadata.owner_references.iter().flatten().any(|owner| owner.uid == uid))
        .filter_map(|pod| member(pod, &container.name).map(Arc::new))
        .collect();
    members.sort_by_key(|member| (ordinal(&member.name), member.name.clone()));
    Some(Workload {
        id: WorkloadId { namespace: set.metadata.namespace.clone()?, name: set.metadata.name.clone()? },
        uid,
        engine,
        service: spec.service_name.clone().unwrap_or_default(),
        container: container.name.clone(),
        image: container.image.clone().unwrap_or_default(),
        declared_revision: status
            .and_then(|status| status.update_revision.clone())
            .filter(|_| seen)
            .unwrap_or_default(),
        replicas: usize::try_from(spec.replicas.unwrap_or(1)).unwrap_or(0),
        first_ordinal: spec.ordinals.as_ref().and_then(|o| usize::try_from(o.start?).ok()).unwrap_or(0),
        restarted_at: restarted_at(spec),
        rollout: rollout(spec),
        members,
        routes: Vec::new(),
        template_owner: template_owner(set),
        replicas_owner: replicas_owner(set),
        claims: claims(spec),
        operated: operator_owner(set),
    })
}

/// The engine that a StatefulSet runs, and the container that runs it. The annotation `engine` names the engine, the annotation
/// `container` the container; without them, images decide. A container that only monitors the servers may have the same image
/// and is skipped.
pub(crate) fn engine_of(set: &StatefulSet, profiles: EngineProfiles) -> Option<(&'static EngineProfile, &Container)> {
    let containers = &set.spec.as_ref()?.template.spec.as_ref()?.containers;
    let note = |name: &str| set.metadata.annotations.as_ref()?.get(&format!("{PREFIX}{name}"));
    let named = |name: &String| containers.iter().find(|container| &container.name == name);
    if let Some(word) = note("engine") {
        let engine = profiles.find_by_word(word)?;
        let of_image = |container: &Container| profiles.find_by_image(container.image.as_deref()?);
        let by_image = || containers.iter().find(|container| of_image(container) == Some(engine));
        return Some((engine, note("container").and_then(named).or_else(by_image).or(containers.first())?));
    }
    if let Some(container) = note("container").and_then(named)
        && let Some(engine) = container.image.as_deref().and_then(|image| profiles.find_by_image(image))
    {
        return Some((engine, container));
    }
    containers.iter().find_map(|container| {
        let engine = profiles.find_by_image(container.image.as_deref()?)?;
        (!is_monitor(container, engine)).then_some((engine, container))
    })
}

/// Whether a StatefulSet in an admission request runs a database. It parses only the fields that decide, so a field of a newer
/// Kubernetes does not matter. If those cannot be parsed, the StatefulSet counts as a database.
pub(crate) fn runs_database(object: &Value, profiles: EngineProfiles) -> bool {
    let part = |pointer: &str| object.pointer(pointer).cloned().unwrap_or_default();
    let containers = match part("/spec/template/spec/containers") {
        Value::Array(containers) => containers.iter().map(deciding_fields).collect(),
        other => other,
    };
    let set = serde_json::json!({
        "metadata": {"annotations": part("/metadata/annotations")},
        "spec": {"selector": {}, "template": {"spec": {"containers": containers}}},
    });
    serde_json::from_value::<StatefulSet>(set).map_or(true, |set| engine_of(&set, profiles).is_some())
}

fn deciding_fields(container: &Value) -> Value {
    let Value::Object(fields) = container else {
        return container.clone();
    };
    let decides = |name: &String| ["name", "image", "command", "args"].contains(&name.as_str());
    fields.iter().filter(|(name, _)| decides(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
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

fn restarted_at(spec: &StatefulSetSpec) -> Option<String> {
    spec.template.metadata.as_ref()?.annotations.as_ref()?.get(&format!("{PREFIX}restarted-at")).cloned()
}

fn rollout(spec: &StatefulSetSpec) -> Rollout {
    let strategy = spec.update_strategy.as_ref();
    if strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("OnDelete") {
        return Rollout::OnDelete;
    }
    let partition = strategy.and_then(|strategy| strategy.rolling_update.as_ref()?.partition).unwrap_or(0);
    Rollout::RollingUpdate { partition }
}

fn claims(spec: &StatefulSetSpec) -> VolumeClaims {
    let templates = spec.volume_claim_templates.iter().flatten();
    let scaled =
        spec.persistent_volume_claim_retention_policy.as_ref().and_then(|policy| policy.when_scaled.as_deref());
    VolumeClaims {
        templates: templates.filter_map(|claim| claim.metadata.name.clone()).collect(),
        deleted_when_scaled: scaled == Some("Delete"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{StatefulSet, engine_of, runs_database};
    use crate::test_profiles::PROFILES;

    /// A server's start script that asks the Sentinels which member leads.
    const ASKS_A_SENTINEL: &str = "lead=$(redis-cli -h main-sentinel SENTINEL get-master-addr-by-name main | head -n 1)\n\
                                   set -- redis-server /data/a.conf --replicaof $lead 6379\nexec \"$@\"\n";

    fn set(containers: &Value) -> Value {
        json!({"metadata": {"name": "a"}, "spec": {"template": {"spec": {"containers": containers}}}})
    }

    #[test]
    fn a_database_is_distinguished_from_other_containers() {
        let cases = [
            (json!([{"name": "redis", "image": "redis:8.0"}]), true),
            (json!([{"name": "web", "image": "nginx"}, {"name": "redis", "image": "a:5000/valkey@sha256:0"}]), true),
            (json!([{"name": "web", "image": "nginx"}]), false),
            (json!([{"name": "exporter", "image": "oliver006/redis_exporter"}]), false),
            (json!([{"name": "sentinel", "image": "redis:8.0"}]), false),
            (json!([{"name": "main-sentinel", "image": "redis:8.0", "command": ["sh", "/start"]}]), false),
            (json!([{"name": "redis", "image": "redis:8.0", "args": ["--sentinel"]}]), false),
            (
                json!([{"name": "redis", "image": "redis:8.0", "command": ["docker-entrypoint.sh", "redis-sentinel", "/c"]}]),
                false,
            ),
            (
                json!([{"name": "redis", "image": "redis:8.0", "command": ["tini", "--", "redis-sentinel", "/c"]}]),
                false,
            ),
            (json!([{"name": "redis", "image": "redis:8.0", "args": ["x\nexec redis-sentinel \\\n  /c"]}]), false),
            (json!([{"name": "redis", "image": "redis:8.0", "command": ["sh", "/start", "main-sentinel"]}]), true),
            (
                json!([{"name": "redis", "image": "redis:8.0", "command": ["/usr/bin/redis-sentinel", "/a.conf"]}]),
                false,
            ),
            (
                json!([{"name": "redis", "image": "redis:8.0", "command": ["sh", "-c", "cp a b && redis-sentinel b"]}]),
                false,
            ),
            (
                json!([{"name": "redis", "image": "redis:8.0", "args": ["cp a b\nexec redis-server b --sentinel\n"]}]),
                false,
            ),
            (json!([{"name": "redis", "image": "redis:8.0", "args": [ASKS_A_SENTINEL]}]), true),
            (json!([{"name": "redis", "image": "redis:8.0", "args": ["redis-server", "-h", "main-sentinel"]}]), true),
            (json!([]), false),
        ];
        for (containers, expected) in cases {
            assert_eq!(runs_database(&set(&containers), PROFILES), expected, "{containers}");
        }
        let mut named = set(&json!([{"name": "a", "image": "private"}]));
        named["metadata"]["annotations"] = json!({"kubectl-stateful.dev/engine": "redis"});
        assert!(runs_database(&named, PROFILES), "the annotation names the engine");
    }

    #[test]
    fn the_container_annotation_chooses_among_containers_without_the_engine_annotation_too() {
        let containers = json!([
            {"name": "cache", "image": "redis:8.0"}, {"name": "main", "image": "valkey:8.1"}, {"name": "web", "image": "nginx"}
        ]);
        let chosen = |annotation: Option<&str>| {
            let mut set = set(&containers);
            set["spec"]["selector"] = json!({});
            if let Some(name) = annotation {
                set["metadata"]["annotations"] = json!({"kubectl-stateful.dev/container": name});
            }
            let set: StatefulSet = serde_json::from_value(set).expect("a StatefulSet");
            engine_of(&set, PROFILES).map(|(_, container)| container.name.clone())
        };
        assert_eq!(chosen(None).as_deref(), Some("cache"), "the first with an image of a database");
        assert_eq!(chosen(Some("main")).as_deref(), Some("main"));
        assert_eq!(chosen(Some("web")).as_deref(), Some("cache"), "a container with an unknown image names no engine");
        assert_eq!(chosen(Some("gone")).as_deref(), Some("cache"), "there is no such container");
    }

    #[test]
    fn an_unreadable_field_counts_as_a_database_and_an_unknown_one_does_not_matter() {
        for containers in [json!("redis"), json!([5]), json!([{"name": "a", "image": []}]), json!([{"image": 5}])] {
            assert!(runs_database(&set(&containers), PROFILES), "{containers}");
        }
        let newer = json!([{"name": "web", "image": "nginx", "ports": "a shape of a later release"}]);
        assert!(!runs_database(&set(&newer), PROFILES));
    }
}
