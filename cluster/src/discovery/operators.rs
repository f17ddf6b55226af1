//! LOOK. Whether a StatefulSet, or pods without one, are an operator's, by what they say of themselves.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, ListParams};
use stateful_safety::OperatorOwner;

use crate::{Cluster, Result};

/// Zalando's operator owns nothing unless told to (`enable_owner_references`); its objects have these labels
/// (`cluster_labels`, `cluster_name_label`).
const ZALANDO: [(&str, &str); 2] = [("application", "spilo"), ("cluster-name", "")];

/// The object it is made from: its controller, or whose labels it has.
pub(crate) fn operator_owner(set: &StatefulSet) -> Option<OperatorOwner> {
    controller(&set.metadata).or_else(|| {
        let labels = set.metadata.labels.as_ref()?;
        let [(mark, spilo), (name, _)] = ZALANDO;
        let name = labels.get(name).filter(|_| labels.get(mark).is_some_and(|value| value == spilo))?;
        Some(OperatorOwner { group: "acid.zalan.do".to_owned(), kind: "postgresql".to_owned(), name: name.clone() })
    })
}

/// The object that keeps pods of its own under that name, without a StatefulSet (`CloudNativePG`'s `Cluster`). Only pods are
/// read, so it takes no right to read the operator's objects.
pub async fn find_owner(cluster: &Cluster, namespace: &str, name: &str) -> Result<Option<OperatorOwner>> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    Ok(keeper_of(&pods.list(&ListParams::default()).await?.items, name))
}

fn keeper_of(pods: &[Pod], name: &str) -> Option<OperatorOwner> {
    pods.iter().filter_map(|pod| controller(&pod.metadata)).find(|operated| operated.name == name)
}

/// The object that controls another, where it is of an operator's: a kind of Kubernetes' own has no dot in its group.
fn controller(metadata: &ObjectMeta) -> Option<OperatorOwner> {
    let owners = metadata.owner_references.iter().flatten();
    owners.filter(|owner| owner.controller == Some(true)).find_map(|owner| {
        let (group, _) = owner.api_version.split_once('/').filter(|(group, _)| group.contains('.'))?;
        Some(OperatorOwner { group: group.to_owned(), kind: owner.kind.clone(), name: owner.name.clone() })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{keeper_of, operator_owner};

    /// Owners and labels as these projects' own tests expect them of the StatefulSets they make
    /// (`e2e-tests/init-deploy/compare` of Percona's, `internal/k8sutils/labels.go` of the Redis operator's,
    /// `pkg/cluster/cluster_test.go` of Zalando's).
    fn told(metadata: &Value) -> Option<String> {
        let set = json!({"metadata": metadata, "spec": {"selector": {}, "template": {}}});
        operator_owner(&serde_json::from_value(set).expect("a StatefulSet")).map(|operated| operated.to_string())
    }

    fn owned(version: &str, kind: &str, controller: bool) -> Value {
        json!({"ownerReferences": [
            {"apiVersion": version, "kind": kind, "name": "some-name", "uid": "1", "controller": controller}
        ]})
    }

    #[test]
    fn an_operators_set_says_what_it_is_made_from() {
        let percona = told(&owned("psmdb.percona.com/v1", "PerconaServerMongoDB", true));
        assert_eq!(percona.as_deref(), Some("PerconaServerMongoDB.psmdb.percona.com some-name"));
        let redis = told(&owned("redis.redis.opstreelabs.in/v1beta2", "RedisCluster", true));
        assert_eq!(redis.as_deref(), Some("RedisCluster.redis.redis.opstreelabs.in some-name"));
        let zalando = told(&json!({"labels": {"application": "spilo", "cluster-name": "acid-shop", "team": "acid"}}));
        assert_eq!(zalando.as_deref(), Some("postgresql.acid.zalan.do acid-shop"));
    }

    /// A pod of `CloudNativePG`'s as one was recorded (issue #7732 of it, operator 1.26: labels, and who controls it). Beside it
    /// its pooler's, which a Deployment keeps; that one is put together.
    #[test]
    fn pods_without_a_set_say_who_keeps_them() {
        let pod = |name: &str, version: &str, kind: &str, owner: &str| {
            let pod = json!({"metadata": {
                "name": name,
                "labels": {
                    "cnpg.io/cluster": "example",
                    "cnpg.io/instanceName": name,
                    "cnpg.io/instanceRole": "replica",
                    "cnpg.io/podRole": "instance",
                    "role": "replica"
                },
                "ownerReferences": [
                    {"apiVersion": version, "kind": kind, "name": owner, "uid": "1", "controller": true}
                ],
            }});
            serde_json::from_value(pod).expect("a pod")
        };
        let pods = [
            pod("example-pooler-rw-5d8f", "apps/v1", "ReplicaSet", "example-pooler-rw"),
            pod("example-2", "postgresql.cnpg.io/v1", "Cluster", "example"),
        ];
        assert_eq!(
            keeper_of(&pods, "example").map(|operated| operated.to_string()).as_deref(),
            Some("Cluster.postgresql.cnpg.io example")
        );
        assert_eq!(keeper_of(&pods, "example-pooler-rw"), None);
        assert_eq!(keeper_of(&pods, "cart"), None);
    }

    #[test]
    fn a_chart_or_a_person_is_no_operator() {
        let chart = json!({"labels": {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/name": "mongodb"}});
        assert_eq!(told(&chart), None);
        assert_eq!(told(&owned("apps/v1", "Deployment", true)), None);
        assert_eq!(
            told(&owned("psmdb.percona.com/v1", "PerconaServerMongoDB", false)),
            None,
            "an owner, no controller"
        );
        assert_eq!(told(&json!({"labels": {"cluster-name": "acid-shop"}})), None);
    }
}
