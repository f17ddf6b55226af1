//! THINK. A StatefulSet and its pods become a [`Workload`], if it runs a database engine this tool knows.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;
use stateful_safety::{EngineProfiles, MaxUnavailable, Member, Rollout, VolumeClaims, Workload, WorkloadId};

use super::field_managers::{replicas_owner, template_owner};
use super::member::{member, ordinal};
use super::operators::operator_owner;
use super::server_container::{ServerContainer, server_container};
use crate::PREFIX;

/// The workload of a StatefulSet and those of the pods that it owns; `None` when it runs no engine of the profiles.
pub(crate) fn workload(set: &StatefulSet, pods: &[Pod], profiles: EngineProfiles) -> Option<Workload> {
    let spec = set.spec.as_ref()?;
    let ServerContainer { engine, container, .. } = server_container(set, profiles)?;
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
        budgets: Vec::new(),
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
    serde_json::from_value::<StatefulSet>(set).map_or(true, |set| server_container(&set, profiles).is_some())
}

fn deciding_fields(container: &Value) -> Value {
    let Value::Object(fields) = container else {
        return container.clone();
    };
    let decides = |name: &String| ["name", "image", "command", "args"].contains(&name.as_str());
    fields.iter().filter(|(name, _)| decides(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn restarted_at(spec: &StatefulSetSpec) -> Option<String> {
    spec.template.metadata.as_ref()?.annotations.as_ref()?.get(&format!("{PREFIX}restarted-at")).cloned()
}

/// The API server fills in `RollingUpdate` where a manifest names no strategy.
fn rollout(spec: &StatefulSetSpec) -> Rollout {
    let strategy = spec.update_strategy.as_ref();
    let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
    match strategy.and_then(|strategy| strategy.type_.as_deref()) {
        Some("OnDelete") => Rollout::OnDelete,
        None | Some("RollingUpdate") => Rollout::RollingUpdate {
            partition: rolling.and_then(|rolling| rolling.partition).unwrap_or(0),
            max_unavailable: rolling.and_then(|rolling| rolling.max_unavailable.as_ref()).map(|most| match most {
                IntOrString::Int(members) => MaxUnavailable::Members(*members),
                IntOrString::String(share) => MaxUnavailable::Share(share.clone()),
            }),
        },
        Some(other) => Rollout::Other { strategy: other.to_owned() },
    }
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

    use stateful_safety::{MaxUnavailable, Rollout};

    use super::{StatefulSetSpec, rollout, runs_database};
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
    fn an_update_strategy_is_read_whole_and_an_unknown_one_is_no_rolling_update() {
        let read = |strategy: Value| {
            let spec = json!({"selector": {}, "template": {}, "updateStrategy": strategy});
            rollout(&serde_json::from_value::<StatefulSetSpec>(spec).expect("a StatefulSet's spec"))
        };
        let rolling = |partition, max_unavailable| Rollout::RollingUpdate { partition, max_unavailable };
        assert_eq!(read(json!({"type": "OnDelete"})), Rollout::OnDelete);
        assert_eq!(read(json!({})), rolling(0, None));
        assert_eq!(read(json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}})), rolling(2, None));
        assert_eq!(
            read(json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 3}})),
            rolling(0, Some(MaxUnavailable::Members(3)))
        );
        assert_eq!(
            read(json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 1, "maxUnavailable": "30%"}})),
            rolling(1, Some(MaxUnavailable::Share("30%".to_owned())))
        );
        assert_eq!(read(json!({"type": "Recreate"})), Rollout::Other { strategy: "Recreate".to_owned() });
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
