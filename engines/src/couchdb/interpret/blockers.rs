//! Conditions under which no member may be taken.

use std::collections::BTreeSet;

use stateful_safety::Blocker;

use super::{Answers, MemberAnswers};
use crate::couchdb::conditions;

pub(super) fn blockers(answered: &[(&MemberAnswers, &Answers)]) -> Vec<Blocker> {
    let mut found = Vec::new();
    let cluster: BTreeSet<&str> = answered.iter().flat_map(|(_, own)| own.cluster()).collect();
    for (seen, own) in answered {
        let member = &seen.member;
        if let Some(mode) = own.maintenance() {
            let condition =
                if mode == "nolb" { conditions::MAINTENANCE_MODE_NOLB } else { conditions::MAINTENANCE_MODE };
            found.push(condition.found(&[("member", member), ("mode", &mode)]));
        }
        let unjoined = own.connected().filter(|node| !cluster.contains(node));
        found.extend(unjoined.map(|node| conditions::NOT_JOINED.found(&[("member", member), ("node", &node)])));
        // A node that does not say how much it has to do counts as having work to do.
        match own.backlog() {
            Some(0) => {}
            jobs => found.push(conditions::CATCHING_UP.found(&[("member", member), ("jobs", &jobs.unwrap_or(1))])),
        }
    }
    // A node's answer about resharding is about the whole cluster.
    let running = answered.iter().map(|(seen, own)| (seen, own.reshard["running"].as_u64().unwrap_or(0)));
    if let Some((seen, jobs)) = running.filter(|(_, jobs)| *jobs > 0).max_by_key(|(_, jobs)| *jobs) {
        found.push(conditions::RESHARDING.found(&[("member", &seen.member), ("jobs", &jobs)]));
    }
    found
}
