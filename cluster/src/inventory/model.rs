//! THINK. The state of a cluster that the guard keeps: small, and enough to answer an admission request from memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use stateful_safety::{EngineProfiles, Member, Workload, WorkloadId};

use crate::budget::Budget;
use crate::discovery::ordinal;
use crate::guard::eviction_records::{self, EvictionRecord};
use crate::guard::names::GUARD_LABEL;
use crate::guard::policy::DisruptionPolicySpec;
use crate::locks::{LeaseFacts, lock_name};
use crate::metadata::Labels;

/// Objects of one kind by namespace and name.
type ByName<T> = HashMap<String, HashMap<String, T>>;

/// The whole state. Only the watches change it.
#[derive(Debug)]
pub struct Model {
    /// The engines whose databases are recognised.
    pub(super) profiles: EngineProfiles,
    pub(super) namespaces: HashMap<String, NamespaceFacts>,
    pub(super) sets: ByName<KnownSet>,
    pub(super) pods: ByName<Arc<PodFacts>>,
    pub(super) budgets: ByName<Budget>,
    /// Nodes, and whether each is cordoned.
    pub(super) nodes: HashMap<String, bool>,
    pub(super) leases: ByName<KnownLease>,
    pub(super) policies: BTreeMap<String, DisruptionPolicySpec>,
}

/// A namespace.
#[derive(Debug, Clone, Default)]
pub struct NamespaceFacts {
    /// Its labels.
    pub labels: Labels,
    /// Whether it is being deleted, with all its objects.
    pub terminating: bool,
}

/// A StatefulSet that runs a database, and its workload with the pods.
#[derive(Debug)]
pub(super) struct KnownSet {
    facts: Arc<SetFacts>,
    /// Built at the first use after a change: one eviction uses it many times, and building it copies some fifty strings.
    whole: OnceLock<Arc<Workload>>,
}

/// A StatefulSet that runs a database.
#[derive(Debug, Clone)]
pub struct SetFacts {
    /// The workload without its members: pods change more often.
    pub workload: Workload,
    /// Its own labels, by which policies select it.
    pub labels: Labels,
    /// The labels of its pods.
    pub pod_labels: Labels,
    /// The object's generation: with a new one, credentials or ports may differ.
    pub generation: i64,
    /// Of which start scripts an administrator says that they keep each member's role. No new generation comes with it.
    pub keeps_role: Option<String>,
    /// Names of its volume claim templates; a pod's claim is named TEMPLATE-POD.
    pub claims: Vec<String>,
    /// Whether it is being deleted.
    pub terminating: bool,
}

/// A pod.
#[derive(Debug, Clone)]
pub struct PodFacts {
    /// The pod as a member of a workload.
    pub member: Arc<Member>,
    /// The UID of its controller.
    pub owner: Option<String>,
    /// Its labels.
    pub labels: Arc<Labels>,
    /// Its phase.
    pub phase: PodPhase,
    /// The text of its approval annotation.
    pub approval: Option<String>,
}

/// The phase of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodPhase {
    /// It has not started, so its removal loses nothing.
    Pending,
    /// It runs, or its phase is unknown.
    Running,
    /// It has ended: `Succeeded` or `Failed`.
    Ended,
}

/// A Lease of this tool with its eviction records, which are parsed once for each change.
#[derive(Debug, Clone)]
pub(super) struct KnownLease {
    pub(super) facts: LeaseFacts,
    pub(super) records: Vec<EvictionRecord>,
}

impl Model {
    /// An empty state that will recognise databases of these engines.
    pub fn new(profiles: EngineProfiles) -> Self {
        Self {
            profiles,
            namespaces: HashMap::new(),
            sets: HashMap::new(),
            pods: HashMap::new(),
            budgets: HashMap::new(),
            nodes: HashMap::new(),
            leases: HashMap::new(),
            policies: BTreeMap::new(),
        }
    }

    /// A namespace.
    pub fn namespace(&self, name: &str) -> Option<&NamespaceFacts> {
        self.namespaces.get(name)
    }

    /// Whether a namespace is guarded.
    pub fn is_guarded(&self, namespace: &str) -> bool {
        self.namespaces.get(namespace).is_some_and(NamespaceFacts::is_guarded)
    }

    /// A pod.
    pub fn pod(&self, namespace: &str, name: &str) -> Option<&Arc<PodFacts>> {
        self.pods.get(namespace)?.get(name)
    }

    /// Pods of a namespace.
    pub fn pods_in(&self, namespace: &str) -> impl Iterator<Item = &PodFacts> {
        self.pods.get(namespace).into_iter().flat_map(HashMap::values).map(Arc::as_ref)
    }

    /// A database's StatefulSet.
    pub fn set(&self, id: &WorkloadId) -> Option<&Arc<SetFacts>> {
        Some(&self.known_set(id)?.facts)
    }

    /// The database a pod belongs to.
    pub fn set_of(&self, namespace: &str, pod: &PodFacts) -> Option<&Arc<SetFacts>> {
        let owner = pod.owner.as_ref()?;
        self.sets.get(namespace)?.values().map(|set| &set.facts).find(|set| &set.workload.uid == owner)
    }

    /// Databases of a namespace.
    pub fn sets_in(&self, namespace: &str) -> impl Iterator<Item = &SetFacts> {
        self.sets.get(namespace).into_iter().flat_map(HashMap::values).map(|set| set.facts.as_ref())
    }

    /// Databases of all guarded namespaces, ordered by namespace and name.
    pub fn guarded_sets(&self) -> Vec<&SetFacts> {
        let mut sets: Vec<&SetFacts> = self
            .sets
            .iter()
            .filter(|(namespace, _)| self.is_guarded(namespace))
            .flat_map(|(_, sets)| sets.values().map(|set| set.facts.as_ref()))
            .collect();
        sets.sort_by(|one, other| one.workload.id.cmp(&other.workload.id));
        sets
    }

    /// A workload with the members it has now.
    pub fn workload(&self, id: &WorkloadId) -> Option<Arc<Workload>> {
        let set = self.known_set(id)?;
        Some(Arc::clone(set.whole.get_or_init(|| Arc::new(self.build(&set.facts)))))
    }

    fn build(&self, set: &SetFacts) -> Workload {
        let mut workload = set.workload.clone();
        let ours = self.pods_in(&workload.id.namespace).filter(|pod| pod.owner.as_ref() == Some(&workload.uid));
        workload.members = ours.map(|pod| Arc::clone(&pod.member)).collect();
        let place = |member: &'_ Member| ordinal(&member.name);
        workload.members.sort_by(|one, other| place(one).cmp(&place(other)).then_with(|| one.name.cmp(&other.name)));
        workload
    }

    fn known_set(&self, id: &WorkloadId) -> Option<&KnownSet> {
        self.sets.get(&id.namespace)?.get(&id.name)
    }

    /// Stores a pod, or removes it. The workload it belongs to, and the one it belonged to before, are built again at their next
    /// use. Returns the one it belongs to or belonged to.
    pub(super) fn put_pod(&mut self, namespace: &str, name: String, pod: Option<PodFacts>) -> Option<WorkloadId> {
        let now = pod.as_ref().and_then(|pod| pod.owner.clone());
        let pods = self.pods.entry(namespace.to_owned()).or_default();
        let before = match pod {
            Some(pod) => pods.insert(name, Arc::new(pod)),
            None => pods.remove(&name),
        };
        let before = before.and_then(|pod| pod.owner.clone());
        let owners = || [&now, &before].into_iter().flatten();
        let sets = self.sets.get_mut(namespace).into_iter().flat_map(HashMap::values_mut);
        let mut concerned = None;
        for set in sets.filter(|set| owners().any(|owner| *owner == set.facts.workload.uid)) {
            set.whole = OnceLock::new();
            if concerned.is_none() || now.as_ref() == Some(&set.facts.workload.uid) {
                concerned = Some(set.facts.workload.id.clone());
            }
        }
        concerned
    }

    /// Database pods on a node in guarded namespaces, each with its namespace.
    pub fn guarded_pods_on(&self, node: &str) -> Vec<(String, &PodFacts, &SetFacts)> {
        let mut found = Vec::new();
        for (namespace, pods) in self.pods.iter().filter(|(namespace, _)| self.is_guarded(namespace)) {
            for pod in pods.values().filter(|pod| pod.member.node.as_deref() == Some(node)) {
                if let Some(set) = self.set_of(namespace, pod) {
                    found.push((namespace.clone(), pod.as_ref(), set.as_ref()));
                }
            }
        }
        found.sort_by(|one, other| (&one.0, &one.1.member.name).cmp(&(&other.0, &other.1.member.name)));
        found
    }

    /// Budgets of a namespace.
    pub fn budgets_in(&self, namespace: &str) -> impl Iterator<Item = &Budget> {
        self.budgets.get(namespace).into_iter().flat_map(HashMap::values)
    }

    /// Whether a node is cordoned; `None` when there is no such node.
    pub fn is_cordoned(&self, node: &str) -> Option<bool> {
        self.nodes.get(node).copied()
    }

    /// The operation lock of a workload, held or released.
    pub fn operation_lock(&self, id: &WorkloadId) -> Option<&LeaseFacts> {
        Some(&self.lease(id, lock_name)?.facts)
    }

    /// The eviction records of a workload. Unreadable ones count as none here; before an eviction is allowed they are read again,
    /// and are an error then.
    pub fn eviction_records(&self, id: &WorkloadId) -> &[EvictionRecord] {
        self.lease(id, eviction_records::lease_name).map_or(&[], |lease| &lease.records)
    }

    /// A Lease of this tool. Most namespaces have none; then no name is built.
    fn lease(&self, id: &WorkloadId, name_of: fn(&str) -> String) -> Option<&KnownLease> {
        let leases = self.leases.get(&id.namespace).filter(|leases| !leases.is_empty())?;
        leases.get(&name_of(&id.name))
    }

    /// All policies, by name.
    pub fn policies(&self) -> impl Iterator<Item = (&str, &DisruptionPolicySpec)> {
        self.policies.iter().map(|(name, policy)| (name.as_str(), policy))
    }

    /// Whether a policy applies to a database.
    pub fn policy_applies(&self, policy: &DisruptionPolicySpec, set: &SetFacts) -> bool {
        let namespace = self.namespace(&set.workload.id.namespace).map(|namespace| namespace.labels.clone());
        policy.applies_to(&namespace.unwrap_or_default(), &set.labels)
    }

    /// The number of pods.
    pub fn pod_count(&self) -> usize {
        self.pods.values().map(HashMap::len).sum()
    }
}

impl KnownSet {
    pub(super) fn new(facts: SetFacts) -> Self {
        Self { facts: Arc::new(facts), whole: OnceLock::new() }
    }
}

impl NamespaceFacts {
    /// Whether it is guarded.
    pub fn is_guarded(&self) -> bool {
        self.labels.get(GUARD_LABEL).is_some_and(|value| value == "enabled")
    }
}
