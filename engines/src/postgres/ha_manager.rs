//! THINK. Who decides who leads, where a server shows it.

use super::Answers;

/// Somebody beside the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HaManager {
    /// It is asked to move the lead.
    Patroni,
    /// It has nothing that could be asked from elsewhere: it is left to its own command.
    Repmgr,
}

/// Patroni gives the settings that must be alike everywhere on the command line (documentation, "Important rules"),
/// repmgr is loaded as a library.
pub(super) fn kept_by(answers: &Answers) -> Option<HaManager> {
    let given: Vec<&str> = answers.field("command_line").unwrap_or_default().split(' ').collect();
    let by_patroni = ["track_commit_timestamp", "wal_log_hints", "max_prepared_transactions"];
    if by_patroni.iter().all(|name| given.contains(name)) {
        return Some(HaManager::Patroni);
    }
    let libraries = answers.field("shared_preload_libraries").unwrap_or_default();
    libraries.split(',').any(|library| library.trim() == "repmgr").then_some(HaManager::Repmgr)
}
