//! TOUCH. What the guard's replicas have promised about a workload: one Lease each, written by compare-and-swap, so that
//! of two promises that are fatal together only one can be made.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, PostParams};
use serde::{Deserialize, Serialize};
use stateful_safety::Workload;

use crate::metadata::{managed_by, owner_reference};
use crate::{Cluster, Error, PREFIX, Result};

/// How these Leases are called: this, and the workload's name.
const NAME: &str = "stateful.guard.";

/// The annotation that holds the book, under our prefix.
const BOOK: &str = "promises";

/// Entries a book holds at most. A workload has as many as it has members; more would be somebody's play.
const MOST: usize = 64;

/// Who was asked for, and what was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvictionRecord {
    /// The pod's name.
    pub pod: String,
    /// Its UID: its successor under the same name is another pod.
    pub uid: String,
    /// The node it was on.
    pub node: Option<String>,
    /// Whether it was allowed to be taken; else somebody asked and was refused.
    pub granted: bool,
    /// Whether the guard is to move its primary away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub switch_over: bool,
    /// When it was last asked for, by the clock of whoever wrote it.
    pub at: Timestamp,
    /// When it was first asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// The promises about one workload, as they were read.
#[derive(Debug, Clone)]
pub struct EvictionRecords {
    /// The entries, one a pod UID.
    pub entries: Vec<EvictionRecord>,
    namespace: String,
    name: String,
    lease: Option<Lease>,
}

/// The entries of a book as a watch has it, among a Lease's annotations under our prefix.
pub(crate) fn parse(notes: &BTreeMap<String, String>) -> Vec<EvictionRecord> {
    notes.get(BOOK).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The workload that a Lease with eviction records is about.
pub(crate) fn workload_of(lease: &str) -> Option<&str> {
    lease.strip_prefix(NAME)
}

/// The name of a workload's book.
pub fn lease_name(workload: &str) -> String {
    format!("{NAME}{workload}")
}

impl EvictionRecords {
    /// Reads a workload's book, straight from the API server. Without one it is empty.
    pub async fn read(cluster: &Cluster, workload: &Workload) -> Result<Self> {
        let (namespace, name) = (workload.id.namespace.clone(), lease_name(&workload.id.name));
        let leases: Api<Lease> = Api::namespaced(cluster.client.clone(), &namespace);
        let lease = leases.get_opt(&name).await?;
        let text =
            lease.as_ref().and_then(|lease| lease.metadata.annotations.as_ref()?.get(&format!("{PREFIX}{BOOK}")));
        // A book nobody can read promises nothing that is known: that is no reason to think it empty.
        let entries = match text {
            None => Vec::new(),
            Some(text) => {
                serde_json::from_str(text).map_err(|error| Error::Answer(format!("Lease {name}: {error}")))?
            }
        };
        Ok(Self { entries, namespace, name, lease })
    }

    /// Puts an entry in, in place of one about the same pod.
    pub fn put(&mut self, mut promise: EvictionRecord) {
        let before = self.entries.iter().find(|other| other.uid == promise.uid);
        promise.since = before.map_or(Some(promise.at), |before| before.since.or(Some(before.at)));
        self.entries.retain(|other| other.uid != promise.uid);
        self.entries.push(promise);
        let surplus = self.entries.len().saturating_sub(MOST);
        self.entries.drain(..surplus);
    }

    /// Writes the book, provided that nobody has written it since it was read; else [`Error::Conflict`].
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
        lease.metadata.annotations.get_or_insert_default().insert(format!("{PREFIX}{BOOK}"), text);
        let renewed = Some(MicroTime(Timestamp::now()));
        lease.spec = Some(LeaseSpec { renew_time: renewed, ..lease.spec.unwrap_or_default() });
        if fresh {
            // Somebody else's that came between is a conflict like any other (409 AlreadyExists).
            leases.create(&PostParams::default(), &lease).await?;
        } else {
            leases.replace(&self.name, &PostParams::default(), &lease).await?;
        }
        Ok(())
    }
}
