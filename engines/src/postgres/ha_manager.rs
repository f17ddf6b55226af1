//! THINK. Which high-availability manager decides which member is the primary, where a server's settings show it.

use super::Answers;

/// A program beside the servers that decides which of them is the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HaManager {
    /// Switchovers are requested from it.
    Patroni,
    /// It cannot be asked over the network; the user has to run its own command.
    Repmgr,
    /// The same.
    AutoFailover,
}

/// Patroni gives the settings that must be alike everywhere on the command line (documentation, "Important rules"),
/// repmgr and `pg_auto_failover` are loaded as libraries.
pub(super) fn find_ha_manager(answers: &Answers) -> Option<HaManager> {
    let given: Vec<&str> = answers.field("command_line").unwrap_or_default().split(' ').collect();
    let by_patroni = ["track_commit_timestamp", "wal_log_hints", "max_prepared_transactions"];
    if by_patroni.iter().all(|name| given.contains(name)) {
        return Some(HaManager::Patroni);
    }
    let libraries = answers.field("shared_preload_libraries").unwrap_or_default();
    libraries.split(',').find_map(|library| match library.trim() {
        "repmgr" => Some(HaManager::Repmgr),
        "pgautofailover" => Some(HaManager::AutoFailover),
        _ => None,
    })
}
