//! TOUCH. Stores the journal of an operation: one ConfigMap for each, owned by the StatefulSet, written with a precondition on
//! its version.
//!
//! `operations` gives the lines their meaning; here they are text.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, ListParams, PostParams};
use stateful_safety::Workload;
use tokio::time::sleep;

use crate::metadata::owner_reference;
use crate::{Cluster, Error, PREFIX, Result};

/// The key that holds the lines.
const EVENTS: &str = "events.jsonl";

/// The identifier of an operation within its workload.
pub type RecordId = String;

/// A stored journal.
#[derive(Debug, Clone)]
pub struct JournalRecord {
    /// The operation's identifier.
    pub id: RecordId,
    /// Its lines, oldest first.
    pub lines: Vec<String>,
    object: ConfigMap,
}

/// Creates a record with its first line. [`Error::Conflict`] when there is one of that identifier already.
pub async fn create(cluster: &Cluster, workload: &Workload, id: &str, first: String) -> Result<JournalRecord> {
    let object = ConfigMap {
        metadata: ObjectMeta {
            name: Some(format!("stateful-{}-{id}", workload.id.name)),
            namespace: Some(workload.id.namespace.clone()),
            labels: Some(BTreeMap::from([
                ("app.kubernetes.io/managed-by".to_owned(), "kubectl-stateful".to_owned()),
                (format!("{PREFIX}workload"), workload.id.name.clone()),
                (format!("{PREFIX}operation"), id.to_owned()),
            ])),
            owner_references: Some(vec![owner_reference(workload)]),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([(EVENTS.to_owned(), format!("{first}\n"))])),
        ..ConfigMap::default()
    };
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), &workload.id.namespace);
    let object = maps.create(&PostParams::default(), &object).await?;
    record(object).ok_or_else(|| Error::Answer("a record without its labels".to_owned()))
}

/// How long the API server may be unreachable before a line counts as not stored. Its restart takes seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Appends a line, provided that no other process has written since; otherwise [`Error::Conflict`], also when that process
/// has lost the operation lock. When no answer arrives, the record is read again to see whether the line was stored.
pub async fn append(cluster: &Cluster, record: &mut JournalRecord, line: String) -> Result<()> {
    let namespace = record.object.metadata.namespace.clone().unwrap_or_default();
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), &namespace);
    let mut next = record.object.clone();
    let text = next.data.get_or_insert_default().entry(EVENTS.to_owned()).or_default();
    text.push_str(&line);
    text.push('\n');
    let name = next.metadata.name.clone().unwrap_or_default();
    let started = Instant::now();
    loop {
        match maps.replace(&name, &PostParams::default(), &next).await.map_err(Error::from) {
            Ok(object) => {
                record.object = object;
                break;
            }
            Err(error @ (Error::Unreachable(_) | Error::Conflict(_))) => {
                match maps.get(&name).await.map_err(Error::from) {
                    Ok(object) if object.data == next.data => {
                        record.object = object;
                        break;
                    }
                    Ok(object) if object.data != record.object.data => {
                        return Err(Error::Conflict(format!("journal {name}")));
                    }
                    Ok(object) => next.metadata = object.metadata, // only its metadata changed: try again
                    Err(Error::Unreachable(_)) if started.elapsed() < PATIENCE => {}
                    Err(_) => return Err(error),
                }
            }
            Err(error) => return Err(error),
        }
        sleep(Duration::from_millis(250)).await;
    }
    record.lines.push(line);
    Ok(())
}

/// LOOK. All records of a workload, oldest first.
pub async fn list(cluster: &Cluster, workload: &Workload) -> Result<Vec<JournalRecord>> {
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), &workload.id.namespace);
    let labels = format!("app.kubernetes.io/managed-by=kubectl-stateful,{PREFIX}workload={}", workload.id.name);
    let mut objects = maps.list(&ListParams::default().labels(&labels)).await?.items;
    // Records of a deleted StatefulSet of the same name may still exist; the garbage collector deletes them later.
    objects.retain(|map| map.metadata.owner_references.iter().flatten().any(|owner| owner.uid == workload.uid));
    objects.sort_by_key(|map| map.metadata.creation_timestamp.as_ref().map(|time| time.0));
    Ok(objects.into_iter().filter_map(record).collect())
}

fn record(object: ConfigMap) -> Option<JournalRecord> {
    let id = object.metadata.labels.as_ref()?.get(&format!("{PREFIX}operation"))?.clone();
    let lines = object.data.as_ref()?.get(EVENTS)?.lines().map(ToOwned::to_owned).collect();
    Some(JournalRecord { id, lines, object })
}
