//! LOOK. Finds backups of a database in the cluster: Jobs, snapshots of its volume claims, and the objects of backup tools.
//! A kind that is not installed or may not be read is reported as such and is no error.

mod signs;

use futures::future::join_all;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::discovery::{Scope, group};
use serde_json::Value;
use stateful_safety::Workload;

use crate::{Cluster, Error, Result};

pub use signs::{BackupSign, BackupState};

/// A kind of object that reports backups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BackupKind {
    /// A Job that made a backup.
    Job,
    /// A `CronJob` that records its last success.
    CronJob,
    /// A snapshot of a member's volume.
    VolumeSnapshot,
    /// Velero's backup of a namespace.
    Velero,
    /// `CloudNativePG`'s backup of a cluster.
    CloudNativePg,
}

impl BackupKind {
    /// The kind as `kubectl get` takes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::CronJob => "cronjob",
            Self::VolumeSnapshot => "volumesnapshot",
            Self::Velero => "backup.velero.io",
            Self::CloudNativePg => "backup.postgresql.cnpg.io",
        }
    }
}

/// Each kind with its API group, its name there, and its name in messages. The version is the API server's preferred one.
#[rustfmt::skip]
const KINDS: &[(BackupKind, &str, &str, &str)] = &[
    (BackupKind::Job,            "batch",                   "Job",            "Jobs"),
    (BackupKind::CronJob,        "batch",                   "CronJob",        "CronJobs"),
    (BackupKind::VolumeSnapshot, "snapshot.storage.k8s.io", "VolumeSnapshot", "VolumeSnapshots"),
    (BackupKind::Velero,         "velero.io",               "Backup",         "Velero Backups"),
    (BackupKind::CloudNativePg,  "postgresql.cnpg.io",      "Backup",         "CloudNativePG Backups"),
];

/// The result of a search in one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupsLooked {
    /// The kind's name in messages: `VolumeSnapshots`.
    pub kinds: &'static str,
    /// The backups of this database.
    pub found: BackupsFound,
}

/// What was found in one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupsFound {
    /// The backups, in no order; empty when no object is about this database.
    Signs(Vec<BackupSign>),
    /// The kind is not installed in the cluster.
    NotInstalled,
    /// The kind could not be read, and why.
    NotReadable(String),
}

/// Searches all kinds at once. Velero keeps its objects in its own namespace, so they are read from all namespaces.
pub async fn list(cluster: &Cluster, workload: &Workload) -> Vec<BackupsLooked> {
    let each = KINDS.iter().map(async |&(kind, api_group, name, kinds)| {
        let found = match objects(cluster, kind, api_group, name, &workload.id.namespace).await {
            Ok(Some(objects)) => {
                BackupsFound::Signs(objects.iter().filter_map(|object| signs::read(kind, object, workload)).collect())
            }
            Ok(None) => BackupsFound::NotInstalled,
            Err(error) => BackupsFound::NotReadable(error.to_string()),
        };
        BackupsLooked { kinds, found }
    });
    join_all(each).await
}

async fn objects(
    cluster: &Cluster,
    kind: BackupKind,
    api_group: &str,
    name: &str,
    namespace: &str,
) -> Result<Option<Vec<Value>>> {
    let Some(resource) = resource(cluster, api_group, name).await? else { return Ok(None) };
    let api: Api<DynamicObject> = match kind {
        BackupKind::Velero => Api::all_with(cluster.client.clone(), &resource),
        BackupKind::Job | BackupKind::CronJob | BackupKind::VolumeSnapshot | BackupKind::CloudNativePg => {
            Api::namespaced_with(cluster.client.clone(), namespace, &resource)
        }
    };
    let listed = api.list(&ListParams::default()).await?;
    let values =
        listed.items.iter().map(|object| serde_json::to_value(object).map_err(|e| Error::Answer(e.to_string())));
    values.collect::<Result<_>>().map(Some)
}

/// The kind as this cluster serves it; `None` when it does not.
async fn resource(cluster: &Cluster, api_group: &str, name: &str) -> Result<Option<ApiResource>> {
    match group(&cluster.client, api_group).await {
        Ok(found) => Ok(found
            .recommended_kind(name)
            .filter(|(_, served)| served.scope == Scope::Namespaced)
            .map(|(resource, _)| resource)),
        Err(kube::Error::Discovery(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
