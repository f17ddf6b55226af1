//! One member's state, by its own answers.

use stateful_safety::{MemberState, Role, Sync, Version};

use super::{Answers, MemberAnswers, answers};

/// A node's state; all nodes are equal. `caught_up`: no node has changes left to replicate to another.
pub(super) fn state(seen: &MemberAnswers, caught_up: bool) -> MemberState {
    let own = answers(seen);
    MemberState {
        name: seen.member.clone(),
        role: Role::Peer,
        sync: match (&seen.answer, own.and_then(why_not_in_sync)) {
            (Err(why), _) => Sync::Unreachable { why: why.clone() },
            (Ok(_), Some(why)) => Sync::Behind { why },
            // CouchDB does not count in bytes what a copy lacks; that a copy may lack something is a blocker of its own.
            (Ok(_), None) => Sync::InSync { lag_bytes: 0 },
        },
        lag_seconds: caught_up.then_some(0),
        version: own.and_then(|own| Version::parse(own.welcome["version"].as_str()?)),
        // It writes everything to disk before it acknowledges; that cannot be turned off since 3.0.
        persists: true,
        lost_directory: None,
        priority: 0,
        confirms_writes: true,
    }
}

/// Why a node that answers does not count as in sync.
fn why_not_in_sync(own: &Answers) -> Option<String> {
    let Some(name) = own.name() else { return Some("it does not say which node it is".to_owned()) };
    if !own.cluster().any(|node| node == name) {
        return Some("it has not joined the cluster".to_owned());
    }
    match own.maintenance() {
        // It still holds copies and takes part in the cluster's requests.
        Some("nolb") => None,
        Some(mode) => Some(format!("it is in maintenance mode ({mode})")),
        None if own.up.status == 200 => None,
        None => {
            let says = own.up.body["status"].as_str().map_or_else(|| own.up.status.to_string(), ToOwned::to_owned);
            Some(format!("its _up says {says}"))
        }
    }
}
