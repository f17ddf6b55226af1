//! THINK. Builds the state from given objects instead of watches: for a folder of manifests, or a test.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use serde::de::DeserializeOwned;
use serde_json::Value;
use stateful_safety::EngineProfiles;

use super::facts::{self, LabelSets};
use super::model::{KnownSet, Model, SetFacts};
use crate::budget::Budget;
use crate::guard::policy::DisruptionPolicy;
use crate::{Error, Result};

impl Model {
    /// The state of a cluster with these objects, each with its kind, its name and, if it has one, its namespace.
    /// [`Error::Answer`] for a kind that the guard does not watch.
    pub fn of(objects: &[Value], profiles: EngineProfiles) -> Result<Self> {
        let (mut model, labels) = (Self::new(profiles), LabelSets::default());
        for object in objects {
            model.put(object, &labels)?;
        }
        Ok(model)
    }

    fn put(&mut self, object: &Value, labels: &LabelSets) -> Result<()> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (kind, namespace, name) = (text("/kind"), text("/metadata/namespace"), text("/metadata/name"));
        match kind.as_str() {
            "Namespace" => drop(self.namespaces.insert(name, facts::namespace(&read(object)?))),
            "Node" => {
                let cordoned = object.pointer("/spec/unschedulable").and_then(Value::as_bool);
                self.nodes.insert(name, cordoned.unwrap_or(false));
            }
            "DisruptionPolicy" => drop(self.policies.insert(name, read::<DisruptionPolicy>(object)?.spec)),
            "StatefulSet" => {
                if let Some(set) = facts::set(&read(object)?, self.profiles) {
                    self.sets.entry(namespace).or_default().insert(name, KnownSet::new(set));
                }
            }
            "Pod" => {
                if let Some(pod) = facts::pod(&read(object)?, labels) {
                    self.put_pod(&namespace, name, Some(pod));
                }
            }
            "PodDisruptionBudget" => {
                self.budgets.entry(namespace).or_default().insert(name, Budget::read(object)?);
            }
            "Lease" => {
                // It was not watched: seen at the beginning of time, it proves no recent renewal.
                let lease = facts::lease(&read(object)?, Timestamp::UNIX_EPOCH);
                self.leases.entry(namespace).or_default().insert(name, lease);
            }
            other => return Err(Error::Answer(format!("the guard watches no {other}"))),
        }
        Ok(())
    }
}

impl Model {
    /// Whether a StatefulSet of an admission request runs a database.
    pub fn runs_database(&self, object: &Value) -> bool {
        crate::discovery::stateful_set::runs_database(object, self.profiles)
    }

    /// The facts of a StatefulSet of an admission request, if it runs a database and can be read. While it is being created it has
    /// no UID; then the UID is empty, and no pod has it as its owner.
    pub fn read_set(&self, object: &Value) -> Option<SetFacts> {
        let mut set: StatefulSet = read(object).ok()?;
        set.metadata.uid.get_or_insert_default();
        facts::set(&set, self.profiles)
    }
}

fn read<K: DeserializeOwned>(object: &Value) -> Result<K> {
    serde_json::from_value(object.clone()).map_err(|error| Error::Answer(error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stateful_safety::WorkloadId;

    use super::{LabelSets, Model};
    use crate::test_profiles::PROFILES;

    #[test]
    fn given_objects_become_the_state() {
        let guarded = json!({"kubectl-stateful.dev/guard": "enabled"});
        let model = Model::of(&[
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": guarded}}),
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": {"unschedulable": true}}),
            json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
                "metadata": {"namespace": "shop", "name": "redis", "uid": "set"},
                "spec": {"replicas": 1, "selector": {}, "template": {"spec": {"containers": [
                    {"name": "redis", "image": "redis:8.0"}]}}}}),
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "shop", "name": "redis-0", "uid": "pod",
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "redis", "uid": "set",
                    "controller": true}]}, "spec": {"nodeName": "n1", "containers": []}}),
        ], PROFILES)
        .expect("a model");
        assert!(model.is_guarded("shop"));
        assert_eq!(model.is_cordoned("n1"), Some(true));
        assert_eq!(model.guarded_pods_on("n1").len(), 1, "the pod belongs to the database");
    }

    #[test]
    fn a_workload_follows_its_pods() {
        let set = |name: &str| {
            json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
                "metadata": {"namespace": "shop", "name": name, "uid": name},
                "spec": {"replicas": 1, "selector": {}, "template": {"spec": {"containers": [
                    {"name": "redis", "image": "redis:8.0"}]}}}})
        };
        let pod = |owner: &str| {
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "shop", "name": "pod", "uid": "pod",
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": owner, "uid": owner,
                    "controller": true}]}, "spec": {"containers": []}})
        };
        let mut model = Model::of(&[set("one"), set("other")], PROFILES).expect("a model");
        let members = |model: &Model| {
            ["one", "other"].map(|name| {
                let id = WorkloadId { namespace: "shop".to_owned(), name: name.to_owned() };
                model.workload(&id).expect("a workload").members.len()
            })
        };
        assert_eq!(members(&model), [0, 0]);
        for (owner, expected) in [("one", [1, 0]), ("other", [0, 1])] {
            model.put(&pod(owner), &LabelSets::default()).expect("a pod");
            assert_eq!(members(&model), expected);
        }
        model.put_pod("shop", "pod".to_owned(), None);
        assert_eq!(members(&model), [0, 0]);
    }

    #[test]
    fn an_object_that_is_not_watched_is_an_error() {
        assert!(
            Model::of(&[json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "redis"}})], PROFILES)
                .is_err()
        );
        assert!(Model::of(&[json!({"kind": "StatefulSet", "spec": "none"})], PROFILES).is_err());
    }
}
