//! LOOK. The watches, one for each kind.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, Node};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Config, Event, watcher};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use stateful_safety::WorkloadId;

use super::facts::{self, LabelSets};
use super::model::{KnownSet, Model};
use super::slim::SlimPod;
use super::{Change, Inventory};
use crate::Cluster;
use crate::budget::Budget;
use crate::guard::eviction_records;
use crate::guard::policy::DisruptionPolicy;
use crate::locks;
use crate::metadata::MANAGED_BY;

/// Objects in a page of a first list, where it comes in pages: a page is decoded at once and dropped before the next.
const PAGE: u32 = 100;

pub(super) fn begin(cluster: &Cluster, inventory: &Inventory) {
    let client = &cluster.client;
    let labels = Arc::new(LabelSets::default());
    follow::<Namespace, _>(
        inventory,
        Api::all(client.clone()),
        Config::default(),
        |model| model.namespaces.keys().map(|name| (String::new(), name.clone())).collect(),
        |model, (_, name), object| {
            put(&mut model.namespaces, name, object.map(facts::namespace));
            Some(Change::Other)
        },
    );
    follow::<StatefulSet, _>(
        inventory,
        Api::all(client.clone()),
        Config::default(),
        |model| keys(&model.sets),
        |model, (namespace, name), object| {
            let set = object.and_then(|set| facts::set(set, model.profiles)).map(KnownSet::new);
            put(model.sets.entry(namespace.clone()).or_default(), name.clone(), set);
            Some(Change::Workload(WorkloadId { namespace, name }))
        },
    );
    follow::<SlimPod, _>(
        inventory,
        Api::all(client.clone()),
        Config::default(),
        |model| keys(&model.pods),
        move |model, (namespace, name), object| {
            let pod = object.and_then(|SlimPod(pod)| facts::pod(pod, &labels));
            model.put_pod(&namespace, name, pod).map(Change::Workload)
        },
    );
    follow::<PodDisruptionBudget, _>(
        inventory,
        Api::all(client.clone()),
        Config::default(),
        |model| keys(&model.budgets),
        |model, (namespace, name), object| {
            put(model.budgets.entry(namespace).or_default(), name, object.and_then(|budget| Budget::of(budget).ok()));
            Some(Change::Other)
        },
    );
    follow::<Node, _>(
        inventory,
        Api::all(client.clone()),
        Config::default(),
        |model| model.nodes.keys().map(|name| (String::new(), name.clone())).collect(),
        |model, (_, name), object| {
            let cordoned = object.map(|node| node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or(false));
            let changed = model.nodes.get(&name).copied() != cordoned; // a node reports its status all the time
            put(&mut model.nodes, name, cordoned);
            changed.then_some(Change::Other)
        },
    );
    follow::<Lease, _>(
        inventory,
        Api::all(client.clone()),
        Config::default().labels(MANAGED_BY),
        |model| keys(&model.leases),
        |model, (namespace, name), object| {
            let lease = object.map(|lease| facts::lease(lease, Timestamp::now()));
            put(model.leases.entry(namespace.clone()).or_default(), name.clone(), lease);
            let name = locks::workload_of(&name).or_else(|| eviction_records::workload_of(&name))?.to_owned();
            Some(Change::Workload(WorkloadId { namespace, name }))
        },
    );
    follow::<DisruptionPolicy, _>(
        inventory,
        Api::all(client.clone()),
        Config::default(),
        |model| model.policies.keys().map(|name| (String::new(), name.clone())).collect(),
        |model, (_, name), object| {
            match object {
                Some(policy) => drop(model.policies.insert(name, policy.spec.clone())),
                None => drop(model.policies.remove(&name)),
            }
            Some(Change::Other)
        },
    );
}

/// Namespace and name; the namespace is empty for kinds without one.
type Key = (String, String);

/// Watches one kind as long as the process lives. `known` lists what the state has of it, so that objects missing in a complete
/// list can be removed; `apply` stores an object or, without one, removes it.
fn follow<K, A>(inventory: &Inventory, api: Api<K>, config: Config, known: fn(&Model) -> Vec<Key>, apply: A)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
    A: Fn(&mut Model, Key, Option<&K>) -> Option<Change> + Send + Sync + 'static,
{
    let inventory = inventory.clone();
    let key = |object: &K| (object.namespace().unwrap_or_default(), object.name_any());
    tokio::spawn(async move {
        let mut listing: HashSet<Key> = HashSet::new();
        let begin = |config: Config| watcher(api.clone(), config).default_backoff().boxed();
        let mut events = begin(config.clone().streaming_lists());
        while let Some(event) = events.next().await {
            let event = match event {
                Ok(event) => event,
                Err(error) => {
                    if is_no_stream(&error) {
                        events = begin(config.clone().page_size(PAGE));
                    }
                    inventory.not_listed(&K::kind(&()), error.to_string());
                    continue; // the watch restarts by itself
                }
            };
            match event {
                Event::Init => listing.clear(),
                Event::InitApply(object) => {
                    listing.insert(key(&object));
                    inventory.change(|model| apply(model, key(&object), Some(&object)));
                }
                Event::InitDone => {
                    let gone: Vec<Key> =
                        known(&inventory.model()).into_iter().filter(|key| !listing.contains(key)).collect();
                    for key in gone {
                        inventory.change(|model| apply(model, key, None));
                    }
                    listing = HashSet::new();
                    inventory.listed(&K::kind(&()));
                }
                Event::Apply(object) => inventory.change(|model| apply(model, key(&object), Some(&object))),
                Event::Delete(object) => inventory.change(|model| apply(model, key(&object), None)),
            }
        }
    });
}

/// Whether the API server does not stream a first list (`sendInitialEvents`; Kubernetes before 1.32, or without the feature gate
/// `WatchList`). Streamed, ten thousand pods come one by one in one request; in pages they take a hundred requests, and the
/// largest page stays in memory.
fn is_no_stream(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchStartFailed(kube::Error::Api(status)) if status.code == 422)
}

fn put<K: Eq + Hash, V>(map: &mut HashMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}

fn keys<V>(by_name: &HashMap<String, HashMap<String, V>>) -> Vec<Key> {
    by_name.iter().flat_map(|(namespace, names)| names.keys().map(|name| (namespace.clone(), name.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use kube::runtime::watcher::Error;

    use super::is_no_stream;

    #[test]
    fn pages_are_used_only_where_lists_are_not_streamed() {
        let answered = |code: u16| kube::Error::Api(Box::new(Status { code, ..Status::default() }));
        assert!(is_no_stream(&Error::WatchStartFailed(answered(422))));
        assert!(!is_no_stream(&Error::WatchStartFailed(answered(403))), "it may be allowed later");
        assert!(!is_no_stream(&Error::InitialListFailed(answered(422))), "pages are used already");
    }
}
