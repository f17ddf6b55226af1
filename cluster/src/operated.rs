//! LOOK. Whether a StatefulSet is an operator's, by what it says of itself. Pure functions over the API object.

use k8s_openapi::api::apps::v1::StatefulSet;
use stateful_safety::Operated;

/// Zalando's operator owns nothing unless told to (`enable_owner_references`); its objects have these labels
/// (`cluster_labels`, `cluster_name_label`).
const ZALANDO: [(&str, &str); 2] = [("application", "spilo"), ("cluster-name", "")];

/// The object it is made from: its controller, or whose labels it has.
pub(crate) fn operated(set: &StatefulSet) -> Option<Operated> {
    let owners = set.metadata.owner_references.iter().flatten();
    let controller = owners.filter(|owner| owner.controller == Some(true)).find_map(|owner| {
        // One of Kubernetes' own kinds has no dot in its group.
        let (group, _) = owner.api_version.split_once('/').filter(|(group, _)| group.contains('.'))?;
        Some(Operated { group: group.to_owned(), kind: owner.kind.clone(), name: owner.name.clone() })
    });
    controller.or_else(|| {
        let labels = set.metadata.labels.as_ref()?;
        let [(mark, spilo), (name, _)] = ZALANDO;
        let name = labels.get(name).filter(|_| labels.get(mark).is_some_and(|value| value == spilo))?;
        Some(Operated { group: "acid.zalan.do".to_owned(), kind: "postgresql".to_owned(), name: name.clone() })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::operated;

    /// Owners and labels as these projects' own tests expect them of the StatefulSets they make
    /// (`e2e-tests/init-deploy/compare` of Percona's, `internal/k8sutils/labels.go` of the Redis operator's,
    /// `pkg/cluster/cluster_test.go` of Zalando's).
    fn told(metadata: &Value) -> Option<String> {
        let set = json!({"metadata": metadata, "spec": {"selector": {}, "template": {}}});
        operated(&serde_json::from_value(set).expect("a StatefulSet")).map(|operated| operated.to_string())
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
