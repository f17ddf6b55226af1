//! Objects as the API server gives them, and what they tell: a Job and a `CronJob` recorded from a cluster, `CloudNativePG`'s
//! by what its users recorded, the others with the fields of their own API types (external-snapshotter, Velero), which no
//! cluster here serves.

use std::path::Path;

use serde_json::{Value, json};
use stateful_safety::Workload;

use super::signs::read;
use super::{BackupKind, BackupState};

fn workload() -> Workload {
    let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"namespace": "shop", "name": "postgres", "uid": "set", "generation": 1},
        "spec": {"replicas": 1, "selector": {}, "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
            "template": {"spec": {"containers": [{"name": "postgres", "image": "postgres:15.18"}]}}}});
    let pod = json!({"metadata": {"namespace": "shop", "name": "postgres-0", "uid": "pod",
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "postgres", "uid": "set"}]},
        "spec": {"containers": []}});
    let set = serde_json::from_value(set).expect("a StatefulSet");
    crate::discovery::stateful_set::workload(
        &set,
        &[serde_json::from_value(pod).expect("a pod")],
        crate::test_profiles::PROFILES,
    )
    .expect("a database")
}

fn recorded(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/backups/recorded/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("a recorded object")).expect("an object")
}

/// What it tells, in words: when, and whether it failed.
fn told(kind: BackupKind, object: &Value) -> Option<String> {
    let sign = read(kind, object, &workload())?;
    let at = jiff::Timestamp::from_millisecond(sign.at).expect("a time");
    Some(match &sign.state {
        BackupState::Succeeded => format!("{sign} {at}"),
        BackupState::Failed(why) => format!("{sign} {at} failed: {why}"),
    })
}

fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    *object.pointer_mut(pointer).expect("it is there") = value;
    object
}

#[test]
fn a_job_that_is_named_or_labelled_as_its_backup_and_has_ended_tells() {
    let (complete, failed) = (recorded("job-complete"), recorded("job-failed"));
    let at = complete["status"]["completionTime"].as_str().expect("a time").to_owned();
    assert_eq!(told(BackupKind::Job, &complete), Some(format!("job/postgres-backup-1 {at}")));
    let words = told(BackupKind::Job, &failed).expect("it tells");
    assert!(words.starts_with("job/postgres-backup-2 ") && words.contains(" failed: Job has reached"), "{words}");
    assert_eq!(told(BackupKind::Job, &with(complete.clone(), "/metadata/name", json!("postgres2-backup"))), None);
    assert_eq!(told(BackupKind::Job, &with(complete.clone(), "/metadata/name", json!("postgres-vacuum"))), None);
    let running = with(complete.clone(), "/status/conditions", json!([]));
    assert_eq!(told(BackupKind::Job, &running), None, "it is under way");
    let mut labelled = with(complete, "/metadata/name", json!("nightly"));
    assert_eq!(told(BackupKind::Job, &labelled), None);
    labelled["metadata"]["labels"]["kubectl-stateful.dev/backup-of"] = json!("postgres");
    assert_eq!(told(BackupKind::Job, &labelled), Some(format!("job/nightly {at}")));
    labelled["metadata"]["labels"]["kubectl-stateful.dev/backup-of"] = json!("orders");
    assert_eq!(told(BackupKind::Job, &labelled), None, "another's");
}

#[test]
fn a_cron_job_tells_of_its_last_success() {
    let object = recorded("cronjob");
    let last = object["status"]["lastSuccessfulTime"].as_str().expect("a time").to_owned();
    assert_eq!(told(BackupKind::CronJob, &object), Some(format!("cronjob/postgres-backup {last}")));
    assert_eq!(told(BackupKind::CronJob, &with(object, "/status", json!({}))), None, "it has never succeeded");
}

#[test]
fn a_snapshot_of_a_members_claim_tells_once_it_is_ready() {
    let object = json!({"metadata": {"name": "s", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"source": {"persistentVolumeClaimName": "data-postgres-0"}},
        "status": {"readyToUse": true, "creationTime": "2026-01-02T00:00:00Z"}});
    assert_eq!(told(BackupKind::VolumeSnapshot, &object).as_deref(), Some("volumesnapshot/s 2026-01-02T00:00:00Z"));
    let unready = with(object.clone(), "/status/readyToUse", json!(false));
    assert_eq!(told(BackupKind::VolumeSnapshot, &unready), None, "it is under way");
    let broken = with(object.clone(), "/status", json!({"readyToUse": false, "error": {"message": "no class"}}));
    let words = "volumesnapshot/s 2026-01-01T00:00:00Z failed: no class";
    assert_eq!(told(BackupKind::VolumeSnapshot, &broken).as_deref(), Some(words));
    let other = with(object, "/spec/source/persistentVolumeClaimName", json!("data-mongo-0"));
    assert_eq!(told(BackupKind::VolumeSnapshot, &other), None);
}

#[test]
fn veleros_backup_tells_where_its_namespace_is_in_it() {
    let object = |spec: Value, phase: &str| {
        json!({"metadata": {"name": "nightly", "namespace": "velero"}, "spec": spec,
            "status": {"phase": phase, "completionTimestamp": "2026-01-02T00:00:00Z"}})
    };
    let here = json!({"includedNamespaces": ["shop"]});
    let words = "backup.velero.io/nightly 2026-01-02T00:00:00Z";
    for spec in [here.clone(), json!({}), json!({"includedNamespaces": ["*"]}), json!({"includedNamespaces": []})] {
        assert_eq!(told(BackupKind::Velero, &object(spec.clone(), "Completed")).as_deref(), Some(words), "{spec}");
    }
    for spec in [json!({"includedNamespaces": ["other"]}), json!({"excludedNamespaces": ["shop"]})] {
        assert_eq!(told(BackupKind::Velero, &object(spec.clone(), "Completed")), None, "{spec}");
    }
    assert_eq!(told(BackupKind::Velero, &object(here.clone(), "InProgress")), None);
    let partly = format!("{words} failed: PartiallyFailed");
    assert_eq!(told(BackupKind::Velero, &object(here, "PartiallyFailed")), Some(partly));
}

/// Two that were recorded, by their status (issue #2813 of `CloudNativePG`): one to an object store, and one of volumes, which
/// says nothing of when it ended.
#[test]
fn cloud_native_pgs_backup_tells_of_the_cluster_of_that_name() {
    let object = json!({"metadata": {"name": "backup-1695072640", "creationTimestamp": "2023-09-18T21:30:40Z"},
        "spec": {"cluster": {"name": "postgres"}},
        "status": {"backupId": "20230918T213041", "backupName": "backup-1695072640", "beginLSN": "1C/B4000028",
            "endLSN": "1C/C0000000", "instanceID": {"podName": "angus-2"}, "method": "barmanObjectStore",
            "phase": "completed", "serverName": "angus", "startedAt": "2023-09-18T21:30:41Z",
            "stoppedAt": "2023-09-18T22:36:29Z"}});
    let words = |at: &str| Some(format!("backup.postgresql.cnpg.io/backup-1695072640 {at}"));
    assert_eq!(told(BackupKind::CloudNativePg, &object), words("2023-09-18T22:36:29Z"));
    let of_volumes = json!({"backupId": "angus-backup-02", "instanceID": {"podName": "angus-2"},
        "method": "volumeSnapshot", "phase": "completed",
        "snapshotBackupStatus": {"snapshots": ["angus-2-1695047917", "angus-2-wal-1695047917"]}});
    assert_eq!(
        told(BackupKind::CloudNativePg, &with(object.clone(), "/status", of_volumes)),
        words("2023-09-18T21:30:40Z")
    );
    assert_eq!(told(BackupKind::CloudNativePg, &with(object.clone(), "/status/phase", json!("running"))), None);
    let failed = with(object.clone(), "/status", json!({"phase": "failed", "error": "no bucket"}));
    assert_eq!(told(BackupKind::CloudNativePg, &failed), words("2023-09-18T21:30:40Z failed: no bucket"));
    assert_eq!(told(BackupKind::CloudNativePg, &with(object, "/spec/cluster/name", json!("other"))), None);
}
