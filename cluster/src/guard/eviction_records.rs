//! TOUCH. The evictions of a workload that the guard has allowed or refused: one Lease for each workload, written with a
//! precondition on its version, so that of two evictions that would be fatal together only one is allowed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, PostParams};
use serde::{Deserialize, Serialize};
use stateful_safety::Workload;

use crate::metadata::{managed_by, owner_reference};
use crate::{Cluster, Error, PREFIX, Result};

/// The name of such a Lease begins so; the workload's name follows.
const NAME: &str = "stateful.guard.";

/// The annotation with the records, under this tool's prefix.
const ANNOTATION: &str = "promises";

/// The largest number of records of a workload. There is one for each member that was to be removed; more come only from
/// pods that were replaced.
const MOST: usize = 64;

/// A request to remove a pod, and the guard's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvictionRecord {
    /// The pod's name.
    pub pod: String,
    /// Its UID: a new pod of the same name is another pod.
    pub uid: String,
    /// The node it ran on.
    pub node: Option<String>,
    /// Whether the guard allowed its removal; otherwise it refused.
    pub granted: bool,
    /// Whether the guard is to switch its primary over to another member.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub switch_over: bool,
    /// When its removal was requested last, by the clock of the replica that wrote this.
    pub at: Timestamp,
    /// When its removal was requested first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// The records of a workload, as they were read.
#[derive(Debug, Clone)]
pub struct EvictionRecords {
    /// The records, one for each pod UID.
    pub entries: Vec<EvictionRecord>,
    namespace: String,
    name: String,
    lease: Option<Lease>,
}

/// Parses the records from a Lease's annotations under this tool's prefix. Unreadable ones count as none here;
/// [`EvictionRecords::read`] reports them.
pub(crate) fn parse(notes: &BTreeMap<String, String>) -> Vec<EvictionRecord> {
    notes.get(ANNOTATION).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The workload whose eviction records a Lease has.
pub(crate) fn workload_of(lease: &str) -> Option<&str> {
    lease.strip_prefix(NAME)
}

/// The name of the Lease with a workload's eviction records.
pub fn lease_name(workload: &str) -> String {
    format!("{NAME}{workload}")
}

impl EvictionRecords {
    /// LOOK. Reads a workload's records from the API server; empty when it has none. [`Error::Answer`] when they cannot be parsed.
    pub async fn read(cluster: &Cluster, workload: &Workload) -> Result<Self> {
        let (namespace, name) = (workload.id.namespace.clone(), lease_name(&workload.id.name));
        let leases: Api<Lease> = Api::namespaced(cluster.client.clone(), &namespace);
        let lease = leases.get_opt(&name).await?;
        let text =
            lease.as_ref().and_then(|lease| lease.metadata.annotations.as_ref()?.get(&format!("{PREFIX}{ANNOTATION}")));
        // Unreadable records may contain an allowed eviction, so they do not count as none.
        let entries = match text {
            None => Vec::new(),
            Some(text) => {
                serde_json::from_str(text).map_err(|error| Error::Answer(format!("Lease {name}: {error}")))?
            }
        };
        Ok(Self { entries, namespace, name, lease })
    }

    /// Adds a record, or replaces the one about the same pod.
    pub fn put(&mut self, mut record: EvictionRecord) {
        let before = self.entries.iter().find(|other| other.uid == record.uid);
        record.since = before.map_or(Some(record.at), |before| before.since.or(Some(before.at)));
        self.entries.retain(|other| other.uid != record.uid);
        self.entries.push(record);
        let surplus = self.entries.len().saturating_sub(MOST);
        self.entries.drain(..surplus);
    }

    /// Writes the records, provided that no other replica has written them since they were read; else [`Error::Conflict`].
    pub async fn write(self, cluster: &Cluster, workload: &Workload) -> Result<()> {
        let leases: Api<Lease> = Api::namespaced(cluster.client.clone(), &self.namespace);
        let text = serde_json::to_string(&self.entries).map_err(|error| Error::Answer(error.to_string()))?;
        let fresh = self.lease.is_none();
        let mut lease = self.lease.unwrap_or_else(|| Lease {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                namespace: Some(self.namespace.clone()),
                labels: Some(managed_by()),
                owner_references: Some(vec![owner_reference(workload)]),
                ..ObjectMeta::default()
            },
            spec: None,
        });
        lease.metadata.annotations.get_or_insert_default().insert(format!("{PREFIX}{ANNOTATION}"), text);
        let renewed = Some(MicroTime(Timestamp::now()));
        lease.spec = Some(LeaseSpec { renew_time: renewed, ..lease.spec.unwrap_or_default() });
        if fresh {
            // If another replica has created it meanwhile, that is a conflict too (409 AlreadyExists).
            leases.create(&PostParams::default(), &lease).await?;
        } else {
            leases.replace(&self.name, &PostParams::default(), &lease).await?;
        }
        Ok(())
    }
}
