//! What should be known before an operation although it stands in the way of nothing.
//!
//! As with [`Reason`](crate::Reason): one enum, one `Display` with its number and its limit, a stable code and a next step.

use serde::{Deserialize, Serialize};

/// What is told, and refuses nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Warning {
    /// Nothing in the cluster tells of a backup that succeeded.
    NoBackup {
        /// What was looked at: `Jobs, CronJobs`.
        looked_at: String,
    },
    /// The newest backup is older than it should be before data is moved.
    BackupOld {
        /// What tells of it.
        what: String,
        /// Its age in hours.
        hours: i64,
        /// The limit in hours.
        limit: i64,
    },
    /// The newest attempt at a backup failed, after the newest one that succeeded.
    BackupFailed {
        /// What tells of it.
        what: String,
        /// Why.
        why: String,
    },
}

impl Warning {
    /// The stable code, by which it is searched for.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoBackup { .. } => "STF-BK-001",
            Self::BackupOld { .. } => "STF-BK-002",
            Self::BackupFailed { .. } => "STF-BK-003",
        }
    }

    /// The next thing to do. `target` is the workload as the user names it, with its namespace flag.
    pub fn next_step(&self, target: &str) -> String {
        let flags = target.find(' ').map_or("", |at| &target[at..]);
        match self {
            Self::NoBackup { .. } => format!(
                "make one, or say which Job makes it: kubectl label cronjob NAME{flags} kubectl-stateful.dev/backup-of={}",
                target.split(' ').next().unwrap_or(target)
            ),
            Self::BackupOld { what, .. } => match what.strip_prefix("cronjob/") {
                Some(name) => format!("make one now: kubectl create job {name}-now{flags} --from={what}"),
                None => "make one now, as this one was made".to_owned(),
            },
            Self::BackupFailed { what, .. } => format!("see why: kubectl describe {what}{flags}"),
        }
    }
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoBackup { looked_at } => write!(f, "no backup of it was found among {looked_at}"),
            Self::BackupOld { what, hours, limit } => {
                write!(f, "the newest backup ({what}) is {hours} h old, the limit is {limit} h")
            }
            Self::BackupFailed { what, why } => write!(f, "the newest attempt at a backup ({what}) failed: {why}"),
        }
    }
}
