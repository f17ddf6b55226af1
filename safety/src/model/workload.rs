//! A database as Kubernetes knows it: one StatefulSet and its pods, in plain words.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::budget::MemberBudget;
use super::engine_profile::EngineProfile;
use super::operator::OperatorOwner;

/// Which StatefulSet: namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorkloadId {
    /// The namespace it lives in.
    pub namespace: String,
    /// The StatefulSet's name.
    pub name: String,
}

impl std::fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A database workload: what is declared, and the pods that are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Workload {
    /// Namespace and name of the StatefulSet.
    pub id: WorkloadId,
    /// The StatefulSet's UID: a namesake created later is another workload.
    pub uid: String,
    /// The database it runs.
    pub engine: &'static EngineProfile,
    /// The Service its pods have their DNS names from.
    pub service: String,
    /// The container that runs the server.
    pub container: String,
    /// The image the template declares for that container.
    pub image: String,
    /// The revision hash new pods get (`status.updateRevision`); empty while the controller has not seen the newest template.
    pub declared_revision: String,
    /// How many members are declared.
    pub replicas: usize,
    /// The ordinal of the first one.
    pub first_ordinal: usize,
    /// The mark of the last restart this tool was asked for, in the template.
    pub restarted_at: Option<String>,
    /// What the StatefulSet controller does by itself when the template changes.
    pub rollout: Rollout,
    /// The pods, ordered by ordinal; shared, since the guard's inventory keeps each of them too.
    pub members: Vec<Arc<Member>>,
    /// Services that lead clients to one member by name: where writes go when nothing else tells clients who leads.
    pub routes: Vec<Route>,
    /// A controller that writes the template from elsewhere (Argo CD, Flux): patching behind its back does not last.
    pub template_owner: Option<String>,
    /// Another controller that writes how many members there are (a repository's controller, an autoscaler).
    #[serde(default)]
    pub replicas_owner: Option<String>,
    /// The claims each member gets.
    #[serde(default)]
    pub claims: VolumeClaims,
    /// The object its operator makes it from, where it has one.
    pub operated: Option<OperatorOwner>,
    /// The disruption budgets that count its members, as far as they may be read.
    pub budgets: Vec<MemberBudget>,
}

impl Workload {
    /// The member of that pod name.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().map(Arc::as_ref).find(|member| member.name == name)
    }

    /// Names of the members that are declared and have no pod at the moment.
    pub fn absent(&self) -> Vec<String> {
        let has_pod = |ordinal| self.members.iter().any(|member| self.ordinal(member) == Some(ordinal));
        let declared = self.first_ordinal..self.first_ordinal + self.replicas;
        declared.filter(|ordinal| !has_pod(*ordinal)).map(|ordinal| format!("{}-{ordinal}", self.id.name)).collect()
    }

    /// The name of the member that a StatefulSet of so many gets next.
    pub fn next_after(&self, replicas: usize) -> String {
        format!("{}-{}", self.id.name, self.first_ordinal + replicas)
    }

    /// Which of the declared ones a member is.
    fn ordinal(&self, member: &Member) -> Option<usize> {
        member.name.strip_prefix(&self.id.name)?.strip_prefix('-')?.parse().ok()
    }

    /// Whether a member runs what the template declares.
    pub fn is_current(&self, member: &Member) -> bool {
        !self.declared_revision.is_empty() && member.revision == self.declared_revision
    }
}

/// What a StatefulSet declares of its members' claims.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeClaims {
    /// The templates' names; a member's claim is called as the template and the member.
    pub templates: Vec<String>,
    /// Whether the StatefulSet itself deletes a member's claims when it is scaled down (`whenScaled: Delete`).
    pub deleted_when_scaled: bool,
}

/// A Service that selects one member by its pod name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// The Service.
    pub service: String,
    /// The member it leads to.
    pub member: String,
}

/// The StatefulSet's update strategy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Rollout {
    /// A pod changes only when it is deleted: the one strategy under which this tool decides the order.
    OnDelete,
    /// The controller replaces pods by itself, highest ordinal first, whatever their role.
    RollingUpdate {
        /// Ordinals below it stay as they are.
        partition: i32,
        /// How many it replaces at the same time; none where the StatefulSet does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_unavailable: Option<MaxUnavailable>,
    },
    /// A strategy that this tool does not know (`Recreate`, of Kubernetes 1.37): what it does to the pods, and what would have to be
    /// given back, is not known.
    Other {
        /// Its name.
        strategy: String,
    },
}

impl Rollout {
    /// Whether this is the strategy of before. A part that was not recorded may have any value: the API server fills in a default
    /// where none is given.
    pub fn restores(&self, before: &Self) -> bool {
        match (self, before) {
            (
                Self::RollingUpdate { partition, .. },
                Self::RollingUpdate { partition: partition_before, max_unavailable: None },
            ) => partition == partition_before,
            _ => self == before,
        }
    }
}

/// How many members the controller may replace at the same time, as the StatefulSet says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MaxUnavailable {
    /// This many.
    Members(i32),
    /// This share of them: `30%`.
    Share(String),
}

/// One pod of a workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The pod's name.
    pub name: String,
    /// The pod's UID: the same name reborn is another pod.
    pub uid: String,
    /// The node it runs on, once scheduled.
    pub node: Option<String>,
    /// Its IP address, once it has one.
    pub address: Option<String>,
    /// The revision hash it was made from.
    pub revision: String,
    /// The image its database container runs.
    pub image: String,
    /// Whether the kubelet says Ready. The first gate only: ready is not caught up.
    pub ready: bool,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// What its data stands on.
    pub storage: Storage,
    /// Why its container is not running, in the kubelet's word (`ImagePullBackOff`, `CrashLoopBackOff`), or why the
    /// pod is not scheduled.
    pub waiting: Option<String>,
    /// Whether its database container never ran since this very pod was made, as the API server tells: no server of it can
    /// be there. False wherever that is not known.
    #[serde(default)]
    pub never_started: bool,
}

/// Where a member's data is when its pod is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Storage {
    /// On a claim that outlives the pod.
    #[serde(rename = "claim")]
    VolumeClaim,
    /// Nowhere: the data goes with the pod.
    Ephemeral,
}
