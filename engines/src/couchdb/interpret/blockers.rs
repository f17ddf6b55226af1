//! Conditions under which nobody may be taken.

use std::collections::BTreeSet;

use stateful_safety::{Blocker, Unsettled};

use super::{Answers, Seen};

pub(super) fn blockers(told: &[(&Seen, &Answers)]) -> Vec<Blocker> {
    let mut found = Vec::new();
    let cluster: BTreeSet<&str> = told.iter().flat_map(|(_, own)| own.cluster()).collect();
    for (seen, own) in told {
        let member = || seen.member.clone();
        if let Some(mode) = own.maintenance() {
            found.push(Unsettled::MaintenanceMode { member: member(), mode: mode.to_owned() });
        }
        let unjoined = own.connected().filter(|node| !cluster.contains(node));
        found.extend(unjoined.map(|node| Unsettled::NotJoined { member: member(), node: node.to_owned() }));
        // One that does not say may have anything to do.
        match own.backlog() {
            Some(0) => {}
            jobs => found.push(Unsettled::CatchingUp { member: member(), jobs: jobs.unwrap_or(1) }),
        }
    }
    // What one says of resharding it says of the whole cluster.
    let running = told.iter().map(|(seen, own)| (seen, own.reshard["running"].as_u64().unwrap_or(0)));
    if let Some((seen, jobs)) = running.filter(|(_, jobs)| *jobs > 0).max_by_key(|(_, jobs)| *jobs) {
        found.push(Unsettled::Resharding { member: seen.member.clone(), jobs });
    }
    found.into_iter().map(Blocker::Unsettled).collect()
}
