//! LOOK. Whether an operator manages a StatefulSet, or pods without one, by their owner references and labels.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, ListParams};
use stateful_safety::OperatorOwner;

use crate::{Cluster, Result};

/// Zalando's operator sets no owner references unless configured (`enable_owner_references`); its objects have these labels
/// (`cluster_labels`, `cluster_name_label`).
const ZALANDO: [(&str, &str); 2] = [("application", "spilo"), ("cluster-name", "")];

/// The custom resource that a StatefulSet is made from: its controller, or the one its labels name.
pub(crate) fn operator_owner(set: &StatefulSet) -> Option<OperatorOwner> {
    controller(&set.metadata).or_else(|| {
        let labels = set.metadata.labels.as_ref()?;
        let [(mark, spilo), (name, _)] = ZALANDO;
        let name = labels.get(name).filter(|_| labels.get(mark).is_some_and(|value| value == spilo))?;
        Some(OperatorOwner { group: "acid.zalan.do".to_owned(), kind: "postgresql".to_owned(), name: name.clone() })
    })
}

/// The custom resource of that name that manages pods without a StatefulSet (`CloudNativePG`'s `Cluster`). It reads pods only,
/// so it needs no permission for the operator's resources.
pub async fn find_owner(cluster: &Cluster, namespace: &str, name: &str) -> Result<Option<OperatorOwner>> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    Ok(owner_of(&pods.list(&ListParams::default()).await?.items, name))
}

fn owner_of(pods: &[Pod], name: &str) -> Option<OperatorOwner> {
    pods.iter().filter_map(|pod| controller(&pod.metadata)).find(|operated| operated.name == name)
}

/// The controller of an object, if it is an operator's custom resource: groups of Kubernetes' own kinds have no dot.
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

    use super::{operator_owner, owner_of};

    /// Owners and labels as these projects' own tests expect them of their StatefulSets
    /// (`e2e-tests/init-deploy/compare` of Percona's, `internal/k8sutils/labels.go` of the Redis operator's,
    /// `pkg/cluster/cluster_test.go` of Zalando's).
    fn owner(metadata: &Value) -> Option<String> {
        let set = json!({"metadata": metadata, "spec": {"selector": {}, "template": {}}});
        operator_owner(&serde_json::from_value(set).expect("a StatefulSet")).map(|operated| operated.to_string())
    }

    fn owned(version: &str, kind: &str, controller: bool) -> Value {
        json!({"ownerReferences": [
            {"apiVersion": version, "kind": kind, "name": "some-name", "uid": "1", "controller": controller}
        ]})
    }

    #[test]
    fn the_custom_resource_of_an_operators_stateful_set_is_found() {
        let percona = owner(&owned("psmdb.percona.com/v1", "PerconaServerMongoDB", true));
        assert_eq!(percona.as_deref(), Some("PerconaServerMongoDB.psmdb.percona.com some-name"));
        let redis = owner(&owned("redis.redis.opstreelabs.in/v1beta2", "RedisCluster", true));
        assert_eq!(redis.as_deref(), Some("RedisCluster.redis.redis.opstreelabs.in some-name"));
        let zalando = owner(&json!({"labels": {"application": "spilo", "cluster-name": "acid-shop", "team": "acid"}}));
        assert_eq!(zalando.as_deref(), Some("postgresql.acid.zalan.do acid-shop"));
    }

    /// A pod of `CloudNativePG` as it was recorded (its issue #7732, operator 1.26: labels and controller), and a pod of its pooler,
    /// which belongs to a Deployment and was made up.
    #[test]
    fn the_custom_resource_of_pods_without_a_stateful_set_is_found() {
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
            owner_of(&pods, "example").map(|operated| operated.to_string()).as_deref(),
            Some("Cluster.postgresql.cnpg.io example")
        );
        assert_eq!(owner_of(&pods, "example-pooler-rw"), None);
        assert_eq!(owner_of(&pods, "cart"), None);
    }

    #[test]
    fn a_chart_or_a_person_is_no_operator() {
        let chart = json!({"labels": {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/name": "mongodb"}});
        assert_eq!(owner(&chart), None);
        assert_eq!(owner(&owned("apps/v1", "Deployment", true)), None);
        assert_eq!(
            owner(&owned("psmdb.percona.com/v1", "PerconaServerMongoDB", false)),
            None,
            "an owner, no controller"
        );
        assert_eq!(owner(&json!({"labels": {"cluster-name": "acid-shop"}})), None);
    }
}
