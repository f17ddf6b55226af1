//! LOOK. StatefulSets and pods become [`Workload`]s.
//!
//! The thin client is at the top; below it everything is a pure function over the API objects.

use std::sync::Arc;

use futures::future::join;
use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, Service};
use kube::api::{Api, ListParams};
use serde_json::Value;
use stateful_safety::{EngineKind, Member, Rollout, Route, Storage, VolumeClaims, Workload, WorkloadId};

use crate::container_status::never_started;
use crate::field_managers::{replicas_owner, template_owner};
use crate::operated::operated;
use crate::{Cluster, PREFIX, Result};

/// The label the StatefulSet controller gives each pod: its own name.
pub(crate) const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";

/// One workload, if the StatefulSet of that name runs a known engine.
pub async fn discover(cluster: &Cluster, id: &WorkloadId) -> Result<Option<Workload>> {
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), &id.namespace);
    let set = sets.get(&id.name).await?;
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &id.namespace);
    let services: Api<Service> = Api::namespaced(cluster.client.clone(), &id.namespace);
    let (labelled, everything) = (ListParams::default().labels(&selector(&set)), ListParams::default());
    let (pods, services) = join(pods.list(&labelled), services.list(&everything)).await;
    let mut workload = workload(&set, &pods?.items);
    if let Some(workload) = &mut workload {
        // Whoever may only look need not read Services; an operation asks for that permission before it begins.
        workload.routes = routes(&services.map(|list| list.items).unwrap_or_default(), workload);
    }
    Ok(workload)
}

/// The Services that lead to one member by name. Where several members have one of their own, those are the members'
/// own names for the outside, and none of them means "whoever leads".
fn routes(services: &[Service], workload: &Workload) -> Vec<Route> {
    let routes: Vec<Route> = services
        .iter()
        .filter_map(|service| {
            let member = service.spec.as_ref()?.selector.as_ref()?.get(POD_NAME)?;
            workload.member(member).map(|_| ())?;
            Some(Route { service: service.metadata.name.clone()?, member: member.clone() })
        })
        .collect();
    let one = routes.first().map(|route| route.member.clone());
    if routes.iter().all(|route| Some(&route.member) == one.as_ref()) { routes } else { Vec::new() }
}

/// Every workload of a namespace, or of all, ordered by namespace and name.
pub async fn discover_all(cluster: &Cluster, namespace: Option<&str>) -> Result<Vec<Workload>> {
    let (sets, pods): (Api<StatefulSet>, Api<Pod>) = match namespace {
        Some(namespace) => {
            (Api::namespaced(cluster.client.clone(), namespace), Api::namespaced(cluster.client.clone(), namespace))
        }
        None => (Api::all(cluster.client.clone()), Api::all(cluster.client.clone())),
    };
    let everything = ListParams::default();
    let sets = sets.list(&everything).await?;
    if !sets.items.iter().any(|set| engine_of(set).is_some()) {
        return Ok(Vec::new()); // no need to read every pod to find no database
    }
    let pods = pods.list(&everything).await?;
    Ok(sets.items.iter().filter_map(|set| workload(set, &pods.items)).collect())
}

/// Every workload with a pod on that node.
pub async fn discover_on_node(cluster: &Cluster, node: &str) -> Result<Vec<Workload>> {
    let workloads = discover_all(cluster, None).await?;
    let is_there = |workload: &Workload| workload.members.iter().any(|member| member.node.as_deref() == Some(node));
    Ok(workloads.into_iter().filter(is_there).collect())
}

/// The pods of a namespace that have one of these addresses.
pub async fn pods_at(cluster: &Cluster, namespace: &str, addresses: &[String]) -> Result<Vec<Member>> {
    if addresses.is_empty() {
        return Ok(Vec::new());
    }
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let there = pods.list(&ListParams::default()).await?;
    let found = there.items.iter().filter_map(|pod| member(pod, ""));
    Ok(found.filter(|pod| pod.address.as_ref().is_some_and(|address| addresses.contains(address))).collect())
}

fn selector(set: &StatefulSet) -> String {
    let labels = set.spec.as_ref().and_then(|spec| spec.selector.match_labels.clone()).unwrap_or_default();
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// A StatefulSet and those of the pods it owns, in plain words; `None` when it runs no engine we know.
pub(crate) fn workload(set: &StatefulSet, pods: &[Pod]) -> Option<Workload> {
    let spec = set.spec.as_ref()?;
    let (engine, container) = engine_of(set)?;
    let status = set.status.as_ref();
    // Until the controller has seen the newest template its update revision is that of an older one.
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
        operated: operated(set),
    })
}

/// The engine a StatefulSet runs and the container that runs it: an annotation's word, else an image we know. A
/// Sentinel runs the same image and serves no data.
pub(crate) fn engine_of(set: &StatefulSet) -> Option<(EngineKind, &Container)> {
    let containers = &set.spec.as_ref()?.template.spec.as_ref()?.containers;
    let note = |name: &str| set.metadata.annotations.as_ref()?.get(&format!("{PREFIX}{name}"));
    let named = |name: &String| containers.iter().find(|container| &container.name == name);
    if let Some(word) = note("engine") {
        let engine = EngineKind::from_word(word)?;
        let by_image =
            || containers.iter().find(|c| c.image.as_deref().and_then(EngineKind::from_image) == Some(engine));
        return Some((engine, note("container").and_then(named).or_else(by_image).or(containers.first())?));
    }
    containers.iter().find_map(|container| {
        let engine = EngineKind::from_image(container.image.as_deref()?)?;
        (!is_sentinel(container)).then_some((engine, container))
    })
}

/// Whether a StatefulSet, as it comes in an admission request, runs a database. Only what tells is read, so that a field
/// this build has never heard of does not matter; what tells and cannot be read may mean anything, and counts as one.
pub fn runs_database(object: &Value) -> bool {
    let part = |pointer: &str| object.pointer(pointer).cloned().unwrap_or_default();
    let containers = match part("/spec/template/spec/containers") {
        Value::Array(containers) => containers.iter().map(only_what_tells).collect(),
        other => other,
    };
    let set = serde_json::json!({
        "metadata": {"annotations": part("/metadata/annotations")},
        "spec": {"selector": {}, "template": {"spec": {"containers": containers}}},
    });
    serde_json::from_value::<StatefulSet>(set).map_or(true, |set| engine_of(&set).is_some())
}

fn only_what_tells(container: &Value) -> Value {
    let Value::Object(fields) = container else {
        return container.clone();
    };
    let tells = |name: &String| ["name", "image", "command", "args"].contains(&name.as_str());
    fields.iter().filter(|(name, _)| tells(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn is_sentinel(container: &Container) -> bool {
    let words = container.command.iter().chain(&container.args).flatten();
    container.name.contains("sentinel") || words.into_iter().any(|word| word.contains("sentinel"))
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

pub(crate) fn member(pod: &Pod, container: &str) -> Option<Member> {
    let spec = pod.spec.as_ref()?;
    let status = pod.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let is_true = |kind: &str| conditions.iter().any(|condition| condition.type_ == kind && condition.status == "True");
    let labels = pod.metadata.labels.as_ref();
    Some(Member {
        name: pod.metadata.name.clone()?,
        uid: pod.metadata.uid.clone()?,
        node: spec.node_name.clone(),
        address: status.and_then(|status| status.pod_ip.clone()),
        revision: labels.and_then(|labels| labels.get("controller-revision-hash")).cloned().unwrap_or_default(),
        image: spec.containers.iter().find(|c| c.name == container).and_then(|c| c.image.clone()).unwrap_or_default(),
        ready: is_true("Ready"),
        terminating: pod.metadata.deletion_timestamp.is_some(),
        storage: storage(spec),
        waiting: waiting(pod),
        never_started: never_started(pod, container),
    })
}

fn storage(spec: &PodSpec) -> Storage {
    let claims = spec.volumes.iter().flatten().any(|volume| volume.persistent_volume_claim.is_some());
    if claims { Storage::VolumeClaim } else { Storage::Ephemeral }
}

/// Why a pod does not run: no node takes it, or a container waits.
fn waiting(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let unscheduled = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    if let Some(condition) = unscheduled {
        let message = condition.message.clone().unwrap_or_default();
        return Some(format!("{}: {message}", condition.reason.as_deref().unwrap_or("Unscheduled")));
    }
    let containers = status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten());
    containers.into_iter().find_map(|container| container.state.as_ref()?.waiting.as_ref()?.reason.clone())
}

pub(crate) fn ordinal(name: &str) -> u32 {
    name.rsplit_once('-').and_then(|(_, ordinal)| ordinal.parse().ok()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::runs_database;

    fn set(containers: &Value) -> Value {
        json!({"metadata": {"name": "a"}, "spec": {"template": {"spec": {"containers": containers}}}})
    }

    #[test]
    fn a_database_is_told_from_what_runs_beside_it() {
        let cases = [
            (json!([{"name": "redis", "image": "redis:8.0"}]), true),
            (json!([{"name": "web", "image": "nginx"}, {"name": "redis", "image": "a:5000/valkey@sha256:0"}]), true),
            (json!([{"name": "web", "image": "nginx"}]), false),
            (json!([{"name": "exporter", "image": "oliver006/redis_exporter"}]), false),
            (json!([{"name": "sentinel", "image": "redis:8.0"}]), false),
            (json!([{"name": "redis", "image": "redis:8.0", "args": ["--sentinel"]}]), false),
            (json!([]), false),
        ];
        for (containers, expected) in cases {
            assert_eq!(runs_database(&set(&containers)), expected, "{containers}");
        }
        let mut named = set(&json!([{"name": "a", "image": "private"}]));
        named["metadata"]["annotations"] = json!({"kubectl-stateful.dev/engine": "redis"});
        assert!(runs_database(&named), "an annotation's word counts");
    }

    #[test]
    fn what_cannot_be_read_may_be_a_database_and_what_is_unheard_of_does_not_matter() {
        for containers in [json!("redis"), json!([5]), json!([{"name": "a", "image": []}]), json!([{"image": 5}])] {
            assert!(runs_database(&set(&containers)), "{containers}");
        }
        let newer = json!([{"name": "web", "image": "nginx", "ports": "a shape of a later release"}]);
        assert!(!runs_database(&set(&newer)));
    }
}
