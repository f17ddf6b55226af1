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

/// What a member shows of the manager, and of its own role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// It does not answer.
    Nothing,
    /// It is a standby, started by that manager or by none.
    ByStandby(Option<HaManager>),
    /// It takes writes.
    ByPrimary(Option<HaManager>),
}

/// What is known of the manager before a switchover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KnownManager {
    /// This one decides.
    Manager(HaManager),
    /// There is none: the two members say so.
    None,
    /// One of the two does not answer. It may be starting, since there is no primary.
    AskAgain,
    /// One of the two does not answer although there is a primary: a manager that is not seen is not taken for none.
    Unknown,
}

/// What is known, from what the two members show and what the others show.
pub(super) fn know_manager(two: &[Shown], others: &[Shown]) -> KnownManager {
    let all = || two.iter().chain(others);
    let manager = all().find_map(|shown| match shown {
        Shown::Nothing => None,
        Shown::ByStandby(manager) | Shown::ByPrimary(manager) => *manager,
    });
    if let Some(manager) = manager {
        return KnownManager::Manager(manager);
    }
    if !two.contains(&Shown::Nothing) {
        return KnownManager::None;
    }
    if all().any(|shown| matches!(shown, Shown::ByPrimary(_))) { KnownManager::Unknown } else { KnownManager::AskAgain }
}
