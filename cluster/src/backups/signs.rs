//! THINK. Reads from one object whether a backup of a database succeeded, and when.

use jiff::Timestamp;
use serde_json::Value;
use stateful_safety::{Millis, Workload};

use super::BackupKind;
use crate::PREFIX;

/// A backup of a database, or a failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupSign {
    /// The kind of object that reports it.
    pub kind: BackupKind,
    /// That object's name.
    pub name: String,
    /// When it ended; when it began if it has not ended.
    pub at: Millis,
    /// Its outcome.
    pub state: BackupState,
}

impl BackupSign {
    /// Whether this backup can be restored.
    pub fn succeeded(&self) -> bool {
        self.state == BackupState::Succeeded
    }
}

impl std::fmt::Display for BackupSign {
    /// By kind and name: `job/postgres-backup-29401`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind.word(), self.name)
    }
}

/// The outcome of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupState {
    /// The backup exists.
    Succeeded,
    /// The backup failed, and why.
    Failed(String),
}

/// Words in the names of objects that make backups.
const WORDS: &[&str] =
    &["backup", "backups", "dump", "pgdump", "mongodump", "basebackup", "pgbackrest", "barman", "walg"];

/// Labels that name an application and its parts (Kubernetes, "Recommended Labels").
const LABELS: &[&str] = &["app", "app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component"];

/// The backup that an object reports; `None` when it is about another database or has not ended.
pub(super) fn read(kind: BackupKind, object: &Value, workload: &Workload) -> Option<BackupSign> {
    let (at, state) = match kind {
        BackupKind::Job => job(object, workload)?,
        BackupKind::CronJob => cron_job(object, workload)?,
        BackupKind::VolumeSnapshot => snapshot(object, workload)?,
        BackupKind::Velero => velero(object, workload)?,
        BackupKind::CloudNativePg => cloud_native_pg(object, workload)?,
    };
    Some(BackupSign { kind, name: text(object, "/metadata/name")?.to_owned(), at, state })
}

/// When a backup ended, and its outcome.
type Ended = (Millis, BackupState);

/// A Job that has ended (batch/v1, `JobStatus`: its conditions say how; a failed Job has no completion time).
fn job(object: &Value, workload: &Workload) -> Option<Ended> {
    if !is_backup_of(object, workload) {
        return None;
    }
    let mut conditions = object.pointer("/status/conditions")?.as_array()?.iter();
    let ended = conditions.find(|one| text(one, "/status") == Some("True") && is_an_end(one))?;
    let at = time(object, "/status/completionTime").or_else(|| time(ended, "/lastTransitionTime"))?;
    Some(match text(ended, "/type")? {
        "Complete" => (at, BackupState::Succeeded),
        _ => (at, failed(text(ended, "/message").or(text(ended, "/reason")))),
    })
}

fn is_an_end(condition: &Value) -> bool {
    matches!(text(condition, "/type"), Some("Complete" | "Failed"))
}

/// A `CronJob` records its last success even after its Jobs are deleted.
fn cron_job(object: &Value, workload: &Workload) -> Option<Ended> {
    let last = is_backup_of(object, workload).then(|| time(object, "/status/lastSuccessfulTime"))??;
    Some((last, BackupState::Succeeded))
}

/// A snapshot of the volume claim of a member (snapshot.storage.k8s.io/v1, `VolumeSnapshotStatus`).
fn snapshot(object: &Value, workload: &Workload) -> Option<Ended> {
    let claim = text(object, "/spec/source/persistentVolumeClaimName")?;
    let of_member =
        |member: &str| workload.claims.templates.iter().any(|template| claim == format!("{template}-{member}"));
    if !workload.members.iter().any(|member| of_member(&member.name)) {
        return None;
    }
    let at = time(object, "/status/creationTime").or_else(|| time(object, "/metadata/creationTimestamp"))?;
    if object.pointer("/status/readyToUse").and_then(Value::as_bool) == Some(true) {
        return Some((at, BackupState::Succeeded));
    }
    Some((at, failed(Some(text(object, "/status/error/message")?))))
}

/// A backup of its namespace (velero.io/v1, `BackupStatus`): no list of namespaces means all of them.
fn velero(object: &Value, workload: &Workload) -> Option<Ended> {
    let lists = |pointer: &str, word: &str| {
        let names = object.pointer(pointer).and_then(Value::as_array);
        names.is_some_and(|names| names.iter().any(|name| name.as_str() == Some(word)))
    };
    let included = "/spec/includedNamespaces";
    let all = object.pointer(included).and_then(Value::as_array).is_none_or(Vec::is_empty) || lists(included, "*");
    let namespace = &workload.id.namespace;
    if !(all || lists(included, namespace)) || lists("/spec/excludedNamespaces", namespace) {
        return None;
    }
    let at = time(object, "/status/completionTimestamp")?;
    Some(match text(object, "/status/phase")? {
        "Completed" => (at, BackupState::Succeeded),
        phase @ ("Failed" | "PartiallyFailed" | "FailedValidation") => (at, failed(Some(phase))),
        _ => return None,
    })
}

/// A backup of a cluster of that name (postgresql.cnpg.io/v1, `BackupStatus`).
fn cloud_native_pg(object: &Value, workload: &Workload) -> Option<Ended> {
    if text(object, "/spec/cluster/name")? != workload.id.name {
        return None;
    }
    let at = time(object, "/status/stoppedAt").or_else(|| time(object, "/metadata/creationTimestamp"))?;
    Some(match text(object, "/status/phase")? {
        "completed" => (at, BackupState::Succeeded),
        "failed" | "walArchivingFailing" => (at, failed(text(object, "/status/error"))),
        _ => return None,
    })
}

/// Whether an object makes backups of this workload: by the label or annotation `backup-of` under this tool's prefix, else
/// when its name, its owner's name and its labels contain both a word for backups and the workload's name.
fn is_backup_of(object: &Value, workload: &Workload) -> bool {
    let mark = format!("{PREFIX}backup-of");
    let note = |place: &str| object.pointer(place).and_then(|notes| notes.get(&mark)).and_then(Value::as_str);
    if let Some(of) = note("/metadata/labels").or_else(|| note("/metadata/annotations")) {
        return of == workload.id.name;
    }
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten();
    let labels = object.pointer("/metadata/labels");
    let labelled = LABELS.iter().filter_map(|label| labels?.get(label)?.as_str());
    let names: Vec<String> = owners
        .filter_map(|owner| text(owner, "/name"))
        .chain(text(object, "/metadata/name"))
        .chain(labelled)
        .map(|name| format!("-{}-", name.to_ascii_lowercase().replace(['.', '_'], "-")))
        .collect();
    let says = |word: &str| names.iter().any(|name| name.contains(&format!("-{word}-")));
    WORDS.iter().any(|word| says(word)) && says(&workload.id.name)
}

fn failed(why: Option<&str>) -> BackupState {
    BackupState::Failed(why.unwrap_or("it gives no reason").to_owned())
}

fn text<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object.pointer(pointer)?.as_str()
}

fn time(object: &Value, pointer: &str) -> Option<Millis> {
    text(object, pointer)?.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}
