//! THINK. What remains where the old image cannot come back: a backup, restored *beside* the database and never over it.
//!
//! Nothing here carries it out. Each tool restores in its own way, and the steps at the end, to stop the clients that write and
//! to let them continue with data that lacks writes, are for operators who know what those writes were. The database itself
//! stays as it is: it is the only place that has them.
//!
//! And only a backup from before the upgrade will do: what a newer release has written, its volumes and mostly its dumps too, an
//! older one cannot read.

use jiff::Timestamp;
use serde::Serialize;
use stateful_cluster::backups::{BackupKind, BackupSign, BackupsLooked};
use stateful_safety::{Millis, Reason, Workload};

use crate::preflight::recent_backup::{looked_at, newest, not_looked_at};

/// How to go back by restoring a backup, and what that loses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestorePlan {
    /// The database.
    pub workload: String,
    /// Why a rollback is impossible, with the reason's code.
    pub why: String,
    /// The image to go back to.
    pub image: String,
    /// The newest backup, by kind and name.
    pub backup: String,
    /// When it was made, as RFC 3339 has it. What was written since is lost.
    pub made: String,
    /// How long ago that was.
    pub loses_milliseconds: Millis,
    /// What to do, one after another.
    pub steps: Vec<RestoreStep>,
}

/// One step for a human.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreStep {
    /// What to do, as a sentence without its full stop.
    pub what: String,
    /// What to type, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// No backup that the old image could read was found, so nothing can be restored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no backup from before {before} was found among {looked_at}{not_looked_at}{newer}")]
pub struct NoBackup {
    before: String,
    looked_at: String,
    not_looked_at: String,
    newer: String,
}

/// What makes a rollback impossible: the image to go back to, why it cannot come, and when the upgrade away from it began.
#[derive(Debug, Clone, Copy)]
pub struct BlockedRollback<'a> {
    /// The image to go back to.
    pub image: &'a str,
    /// Why it cannot come back.
    pub why: &'a Reason,
    /// When the upgrade began. No backup made later is of use.
    pub since: Millis,
}

/// Makes the plan from the newest backup from before the upgrade.
///
/// # Errors
/// There is no such backup; the error says which kinds were read.
pub fn restore_plan(
    workload: &Workload,
    blocked: &BlockedRollback<'_>,
    looked: &[BackupsLooked],
    now: Millis,
) -> Result<RestorePlan, NoBackup> {
    let Some(backup) = newest(looked, |sign| sign.succeeded() && sign.at <= blocked.since) else {
        return Err(no_backup(looked, blocked.since));
    };
    let made = rfc3339(backup.at);
    let mut steps = restore_beside(backup, workload, blocked.image);
    steps.extend(move_clients(backup, workload, &made));
    Ok(RestorePlan {
        workload: workload.id.to_string(),
        why: format!("{} ({})", blocked.why, blocked.why.code()),
        image: blocked.image.to_owned(),
        backup: backup.to_string(),
        made,
        loses_milliseconds: now - backup.at,
        steps,
    })
}

fn no_backup(looked: &[BackupsLooked], since: Millis) -> NoBackup {
    let missed: Vec<String> = looked.iter().filter_map(not_looked_at).map(|missed| format!("; {missed}")).collect();
    let newer = newest(looked, BackupSign::succeeded).map(|newer| {
        format!("; {newer} is of {}, from after the upgrade began: its release cannot be read", rfc3339(newer.at))
    });
    NoBackup {
        before: rfc3339(since),
        looked_at: looked_at(looked),
        not_looked_at: missed.concat(),
        newer: newer.unwrap_or_default(),
    }
}

/// A time, to the second.
fn rfc3339(at: Millis) -> String {
    Timestamp::from_second(at / 1_000).map(|at| at.to_string()).unwrap_or_default()
}

/// The name of what a backup is restored to, and where.
fn beside(backup: &BackupSign, workload: &Workload) -> (String, String) {
    let (name, namespace) = (&workload.id.name, &workload.id.namespace);
    match backup.kind {
        BackupKind::Velero => (name.clone(), format!("{namespace}-restored")),
        BackupKind::Job | BackupKind::CronJob | BackupKind::VolumeSnapshot | BackupKind::CloudNativePg => {
            (format!("{name}-restored"), namespace.clone())
        }
    }
}

/// How a backup of each kind is restored as a database of its own.
fn restore_beside(backup: &BackupSign, workload: &Workload, image: &str) -> Vec<RestoreStep> {
    let (name, namespace) = beside(backup, workload);
    let (of, home) = (&backup.name, &workload.id.namespace);
    let old = &workload.id.name;
    let empty = || step(format!("start {name} from the image {image}, without data, beside {old}"));
    let tool = || step(format!("restore into {name} with the tool that made the backup"));
    match backup.kind {
        BackupKind::Job => vec![
            step(format!("find where the Job {of} has put it")).typed(format!("kubectl logs job/{of} -n {home}")),
            empty(),
            tool(),
        ],
        BackupKind::CronJob => vec![
            step(format!("find where the CronJob {of} puts what it makes"))
                .typed(format!("kubectl get cronjob {of} -n {home} -o yaml")),
            empty(),
            tool(),
        ],
        BackupKind::VolumeSnapshot => {
            let template = workload.claims.templates.first().map_or("data", String::as_str);
            vec![
                step("see how large a volume it needs")
                    .typed(format!("kubectl get volumesnapshot {of} -n {home} -o jsonpath='{{.status.restoreSize}}'")),
                step(format!(
                    "make a PersistentVolumeClaim {template}-{name}-0 of that size, with spec.dataSource {{apiGroup: \
                     snapshot.storage.k8s.io, kind: VolumeSnapshot, name: {of}}}"
                )),
                step(format!("before a server starts on it: {}", forget(workload))),
                step(format!(
                    "start a StatefulSet {name} of one member with image {image}; it takes that claim for its own"
                )),
            ]
        }
        BackupKind::Velero => vec![
            step(format!(
                "make a namespace {namespace} with a NetworkPolicy that lets nothing out of it: what is restored still takes \
                 itself for members of {old}, and must not find them"
            )),
            step(format!("restore {home} into it, with the images of that time")).typed(format!(
                "velero restore create --from-backup {of} --include-namespaces {home} --namespace-mappings \
                 {home}:{namespace}"
            )),
        ],
        BackupKind::CloudNativePg => vec![step(format!(
            "make a Cluster {name} with spec.imageName {image} and spec.bootstrap.recovery.backup.name {of}; with an \
             archive of the log it can go on to a later moment (recoveryTarget), and less is lost"
        ))],
    }
}

/// A copy of a member's volume is a member: a server started on it would join the others. The engine says how it forgets them.
fn forget(workload: &Workload) -> String {
    workload.engine.advice.forget_database.replace("{old}", &workload.id.name)
}

/// The steps that are the same for every kind of backup.
fn move_clients(backup: &BackupSign, workload: &Workload, made: &str) -> [RestoreStep; 4] {
    let (name, namespace) = beside(backup, workload);
    let old = &workload.id.name;
    [
        step("see that it is complete, before any client writes to it")
            .typed(format!("kubectl stateful status {name} -n {namespace}")),
        step(format!("stop the clients that write to {old}: from here on nothing more is lost")),
        step(format!(
            "carry over what must not be missed: what was written since {made} is in {old} alone (a dump holds what was \
             there when it began)"
        )),
        step(format!(
            "let clients use {name} in {namespace}, and keep {old} until no data is missed: nothing here deletes it"
        )),
    ]
}

fn step(what: impl Into<String>) -> RestoreStep {
    RestoreStep { what: what.into(), command: None }
}

impl RestoreStep {
    fn typed(self, command: String) -> Self {
        Self { command: Some(command), ..self }
    }
}
