//! THINK. What the guard remembers of a cluster: small, plain, and enough to answer an admission request from memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use stateful_safety::{EngineProfiles, Member, Workload, WorkloadId};

use super::budget::Budget;
use crate::discovery::ordinal;
use crate::guard::eviction_records::{self, EvictionRecord};
use crate::guard::names::GUARD_LABEL;
use crate::guard::policy::DisruptionPolicySpec;
use crate::locks::{LeaseFacts, lock_name};
use crate::metadata::Labels;

/// Objects of one kind by namespace and name.
type ByName<T> = HashMap<String, HashMap<String, T>>;

/// Everything remembered. Changed by the watches alone; read by whoever judges.
#[derive(Debug)]
pub struct Model {
    /// The engines whose databases are remembered.
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
    /// Whether it is being deleted, with everything in it.
    pub terminating: bool,
}

/// A StatefulSet that runs a database, and the workload it makes with its pods.
#[derive(Debug)]
pub(super) struct KnownSet {
    facts: Arc<SetFacts>,
    /// Put together at the first question after a change: an eviction asks for it again and again, and each time it
    /// would be some fifty strings.
    whole: OnceLock<Arc<Workload>>,
}

/// A StatefulSet that runs a database.
#[derive(Debug, Clone)]
pub struct SetFacts {
    /// The workload, without its members: those are pods, and pods change more often.
    pub workload: Workload,
    /// Its own labels; policies select by them.
    pub labels: Labels,
    /// The labels its pods get.
    pub pod_labels: Labels,
    /// The object's generation: another one may mean other credentials or ports.
    pub generation: i64,
    /// Names of its claim templates; a pod's claim is called TEMPLATE-POD.
    pub claims: Vec<String>,
    /// Whether it is being deleted.
    pub terminating: bool,
}

/// A pod.
#[derive(Debug, Clone)]
pub struct PodFacts {
    /// The pod, as a member would be described.
    pub member: Arc<Member>,
    /// UID of the controller that owns it.
    pub owner: Option<String>,
    /// Its labels.
    pub labels: Arc<Labels>,
    /// How far it has come.
    pub phase: PodPhase,
    /// An approval to take it away, as its annotation says.
    pub approval: Option<String>,
}

/// How far a pod has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodPhase {
    /// It has not started: nothing can be lost with it.
    Pending,
    /// It runs, or nobody knows.
    Running,
    /// It ended by itself.
    Ended,
}

/// One of our Leases, with the eviction records it holds: parsed once a change, and not once a question.
#[derive(Debug, Clone)]
pub(super) struct KnownLease {
    pub(super) facts: LeaseFacts,
    pub(super) records: Vec<EvictionRecord>,
}

impl Model {
    /// Nothing is remembered yet; databases of these engines will be.
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

    /// Whether the guard watches over a namespace.
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

    /// Databases of all guarded namespaces, by namespace and name.
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
        Some(Arc::clone(set.whole.get_or_init(|| Arc::new(self.put_together(&set.facts)))))
    }

    fn put_together(&self, set: &SetFacts) -> Workload {
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

    /// Remembers a pod, or forgets it. Its database, and the one it belonged to before, are put together anew. Returns the
    /// one it belongs to, or did.
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

    /// The claim an operation holds on a workload, or has let go of.
    pub fn operation_lock(&self, id: &WorkloadId) -> Option<&LeaseFacts> {
        Some(&self.lease(id, lock_name)?.facts)
    }

    /// What the guard's replicas have promised about a workload. A book nobody can read is empty here; where a promise is
    /// made it is read anew, and is an error.
    pub fn eviction_records(&self, id: &WorkloadId) -> &[EvictionRecord] {
        self.lease(id, eviction_records::lease_name).map_or(&[], |lease| &lease.records)
    }

    /// One of our Leases. Most namespaces have none, and then no name is put together.
    fn lease(&self, id: &WorkloadId, called: fn(&str) -> String) -> Option<&KnownLease> {
        let ours = self.leases.get(&id.namespace).filter(|ours| !ours.is_empty())?;
        ours.get(&called(&id.name))
    }

    /// The policies there are, by name.
    pub fn policies(&self) -> impl Iterator<Item = (&str, &DisruptionPolicySpec)> {
        self.policies.iter().map(|(name, policy)| (name.as_str(), policy))
    }

    /// Whether a policy applies to a database.
    pub fn policy_applies(&self, policy: &DisruptionPolicySpec, set: &SetFacts) -> bool {
        let namespace = self.namespace(&set.workload.id.namespace).map(|namespace| namespace.labels.clone());
        policy.applies_to(&namespace.unwrap_or_default(), &set.labels)
    }

    /// How many pods are remembered.
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
    /// Whether the guard watches over it.
    pub fn is_guarded(&self) -> bool {
        self.labels.get(GUARD_LABEL).is_some_and(|value| value == "enabled")
    }
}
