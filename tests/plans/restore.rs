//! What is left where there is no way back: the upgrade began two hours before it is seen.

use std::fmt::Write;

use stateful_cluster::backups::{BackupKind, BackupSign, BackupState, BackupsFound, BackupsLooked};
use stateful_cluster::changes::rollout::TemplateChange;
use stateful_operations::{BlockedRollback, Goal, Plan, Refusal, Snapshot, find_rollback_block, restore_plan};

use crate::snapshot::NOW;

const HOUR: i64 = 3_600_000;

const KINDS: &[(BackupKind, &str)] = &[
    (BackupKind::Job, "Jobs"),
    (BackupKind::CronJob, "CronJobs"),
    (BackupKind::VolumeSnapshot, "VolumeSnapshots"),
    (BackupKind::Velero, "Velero Backups"),
    (BackupKind::CloudNativePg, "CloudNativePG Backups"),
];

/// One that succeeded so many hours before.
pub(crate) fn backup(kind: &str, name: &str, hours: &str) -> BackupsLooked {
    let (kind, kinds) = KINDS.iter().find(|(known, _)| known.word() == kind).expect("a kind of backup");
    let at = NOW - hours.parse::<i64>().expect("hours") * HOUR;
    let sign = BackupSign { kind: *kind, name: name.to_owned(), at, state: BackupState::Succeeded };
    BackupsLooked { kinds, found: BackupsFound::Signs(vec![sign]) }
}

/// The steps, or why there are none.
pub(crate) fn text(
    drawn: &Result<Plan, Refusal>,
    goal: &Goal,
    snapshot: &Snapshot,
    looked: &[BackupsLooked],
) -> String {
    let Err(Refusal::Unsafe(reasons)) = drawn else { return "there is a way back\n".to_owned() };
    let why = find_rollback_block(reasons).expect("a reason no waiting helps against");
    let Goal::Upgrade { change: Some(TemplateChange::Image { image, .. }), .. } = goal else {
        unreachable!("a goal that changes no image")
    };
    let closed = BlockedRollback { image, why, since: NOW - 2 * HOUR };
    let mut text = String::new();
    match restore_plan(&snapshot.workload, &closed, looked, NOW) {
        Err(none) => writeln!(text, "{none}").expect("text"),
        Ok(plan) => {
            let lost = plan.loses_milliseconds / HOUR;
            writeln!(text, "restore {} of {}, {lost} h are lost, because {}", plan.backup, plan.made, plan.why)
                .expect("text");
            for (index, step) in plan.steps.iter().enumerate() {
                writeln!(text, "{:2}. {}", index + 1, step.what).expect("text");
                if let Some(command) = &step.command {
                    writeln!(text, "    {command}").expect("text");
                }
            }
        }
    }
    text
}
