//! THINK. Is there a backup to fall back on, and how old is it? An operation that loses nothing may still meet a disk that fails.

use stateful_cluster::backups::{BackupSign, BackupState, BackupsFound, BackupsLooked};
use stateful_safety::{Millis, Warning};

use super::Finding;

/// A backup should be no older than this, in hours: most are made daily.
const LIMIT: i64 = 24;

const HOUR: Millis = 3_600_000;

/// What is found about the backups of a database: a warning where none is recent, and what was read. Never a reason to
/// refuse: a database may be backed up where this tool cannot see it.
pub fn recent_backup(looked: &[BackupsLooked], now: Millis) -> Finding {
    let success = newest(looked, BackupSign::succeeded);
    let failure = newest(looked, |sign| !sign.succeeded())
        .filter(|failure| success.is_none_or(|success| success.at < failure.at));
    let age = success.map(|success| (success, (now - success.at) / HOUR));
    let mut warnings: Vec<Warning> = match age {
        None => vec![Warning::NoBackup { looked_at: looked_at(looked) }],
        Some((success, hours)) if now - success.at > LIMIT * HOUR => {
            vec![Warning::BackupOld { what: success.to_string(), hours, limit: LIMIT }]
        }
        Some(_) => Vec::new(),
    };
    warnings.extend(failure.and_then(failed));
    let mut notes: Vec<String> =
        age.map(|(success, hours)| format!("newest: {success}, {hours} h old")).into_iter().collect();
    notes.extend(looked.iter().filter_map(not_looked_at));
    Finding {
        check: "recent-backup",
        title: "a backup of it is no older than a day",
        reasons: Vec::new(),
        warnings,
        notes,
    }
}

/// The newest of those that are wanted, of any kind.
pub(crate) fn newest(looked: &[BackupsLooked], wanted: impl Fn(&BackupSign) -> bool) -> Option<&BackupSign> {
    let signs = looked.iter().flat_map(|looked| match &looked.found {
        BackupsFound::Signs(signs) => signs.as_slice(),
        BackupsFound::NotInstalled | BackupsFound::NotReadable(_) => &[],
    });
    let such = signs.filter(|sign| wanted(sign));
    such.max_by(|one, other| (one.at, one.kind, &one.name).cmp(&(other.at, other.kind, &other.name)))
}

fn failed(failure: &BackupSign) -> Option<Warning> {
    let BackupState::Failed(why) = &failure.state else { return None };
    Some(Warning::BackupFailed { what: failure.to_string(), why: why.clone() })
}

/// The kinds that were read.
pub(crate) fn looked_at(looked: &[BackupsLooked]) -> String {
    let read = looked.iter().filter(|looked| matches!(looked.found, BackupsFound::Signs(_)));
    let read: Vec<&str> = read.map(|looked| looked.kinds).collect();
    if read.is_empty() { "nothing that could be looked at".to_owned() } else { read.join(", ") }
}

/// A kind that was not read, and why.
pub(crate) fn not_looked_at(looked: &BackupsLooked) -> Option<String> {
    match &looked.found {
        BackupsFound::Signs(_) => None,
        BackupsFound::NotInstalled => Some(format!("{}: not installed", looked.kinds)),
        BackupsFound::NotReadable(why) => Some(format!("{}: not looked at ({why})", looked.kinds)),
    }
}

#[cfg(test)]
mod tests {
    use stateful_cluster::backups::{BackupKind, BackupSign, BackupState, BackupsFound, BackupsLooked};

    use super::{HOUR, recent_backup};

    const NOW: i64 = 1_000 * HOUR;

    fn sign(kind: BackupKind, name: &str, hours_ago: i64, state: BackupState) -> BackupSign {
        BackupSign { kind, name: name.to_owned(), at: NOW - hours_ago * HOUR, state }
    }

    fn looked(kinds: &'static str, found: BackupsFound) -> BackupsLooked {
        BackupsLooked { kinds, found }
    }

    fn codes(looked: &[BackupsLooked]) -> Vec<&'static str> {
        let found = recent_backup(looked, NOW);
        assert!(found.reasons.is_empty(), "it refuses nothing");
        found.warnings.iter().map(stateful_safety::Warning::code).collect()
    }

    fn jobs(signs: &[BackupSign]) -> BackupsLooked {
        looked("Jobs", BackupsFound::Signs(signs.to_vec()))
    }

    #[test]
    fn the_newest_backup_of_any_kind_decides() {
        let old = sign(BackupKind::Job, "a", 30, BackupState::Succeeded);
        let snapshot = sign(BackupKind::VolumeSnapshot, "b", 3, BackupState::Succeeded);
        assert_eq!(codes(&[jobs(std::slice::from_ref(&old))]), ["STF-BK-002"]);
        let both = [jobs(&[old]), looked("VolumeSnapshots", BackupsFound::Signs(vec![snapshot]))];
        assert_eq!(codes(&both), Vec::<&str>::new());
        assert_eq!(recent_backup(&both, NOW).notes, ["newest: volumesnapshot/b, 3 h old"]);
        assert_eq!(
            codes(&[jobs(&[sign(BackupKind::Job, "a", 24, BackupState::Succeeded)])]),
            Vec::<&str>::new(),
            "a day is no more"
        );
    }

    #[test]
    fn an_attempt_that_failed_counts_only_after_the_last_that_succeeded() {
        let failure = |hours| sign(BackupKind::Job, "b", hours, BackupState::Failed("BackoffLimitExceeded".to_owned()));
        let success = sign(BackupKind::Job, "a", 5, BackupState::Succeeded);
        assert_eq!(codes(&[jobs(&[success.clone(), failure(2)])]), ["STF-BK-003"]);
        assert_eq!(codes(&[jobs(&[success, failure(7)])]), Vec::<&str>::new());
        assert_eq!(codes(&[jobs(&[failure(2)])]), ["STF-BK-001", "STF-BK-003"]);
    }

    #[test]
    fn what_was_not_looked_at_is_said_so() {
        let all = [
            jobs(&[]),
            looked("Velero Backups", BackupsFound::NotInstalled),
            looked("VolumeSnapshots", BackupsFound::NotReadable("not allowed: list".to_owned())),
        ];
        let found = recent_backup(&all, NOW);
        assert_eq!(found.warnings[0].to_string(), "no backup of it was found among Jobs");
        let said = ["Velero Backups: not installed", "VolumeSnapshots: not looked at (not allowed: list)"];
        assert_eq!(found.notes, said);
        let blind = recent_backup(&all[1..], NOW);
        assert!(blind.warnings[0].to_string().ends_with("nothing that could be looked at"), "{:?}", blind.warnings);
    }
}
