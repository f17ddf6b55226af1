//! One member's state, by its own words.

use stateful_safety::{MemberState, Role, Sync, Version};

use super::{Answers, Seen, answers};

/// A node, whatever it said: all of them are equals. `caught_up`: nobody has changes to bring to anybody.
pub(super) fn state(seen: &Seen, caught_up: bool) -> MemberState {
    let own = answers(seen);
    MemberState {
        name: seen.member.clone(),
        role: Role::Peer,
        sync: match (&seen.answer, own.and_then(apart)) {
            (Err(why), _) => Sync::Unreachable { why: why.clone() },
            (Ok(_), Some(why)) => Sync::Behind { why },
            // What a copy lacks nobody counts in bytes; that it may lack something is a blocker of its own.
            (Ok(_), None) => Sync::InSync { lag_bytes: 0 },
        },
        lag_seconds: caught_up.then_some(0),
        version: own.and_then(|own| Version::parse(own.welcome["version"].as_str()?)),
        // It writes everything to disk before it says yes; there is no way to turn that off since 3.0.
        persists: true,
        priority: 0,
    }
}

/// Why a node that answers takes no part in what the others do.
fn apart(own: &Answers) -> Option<String> {
    let Some(name) = own.name() else { return Some("it does not say which node it is".to_owned()) };
    if !own.cluster().any(|node| node == name) {
        return Some("it has not joined the cluster".to_owned());
    }
    match own.maintenance() {
        // Still one of those that hold copies and answer the others.
        Some("nolb") => None,
        Some(mode) => Some(format!("it is in maintenance mode ({mode})")),
        None if own.up.status == 200 => None,
        None => {
            let says = own.up.body["status"].as_str().map_or_else(|| own.up.status.to_string(), ToOwned::to_owned);
            Some(format!("its _up says {says}"))
        }
    }
}
