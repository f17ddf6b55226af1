//! THINK. Which pools are in front of a workload, and what can be done with them.

use stateful_engines::{Endpoint, Pool, PoolerTarget};
use stateful_safety::{Member, Workload};

use super::found::{ConsoleAccess, FoundPooler, FoundPoolers};

/// Sorts the pools of one pooler by what can be done with them.
pub(super) fn sort_pools(
    found: &mut FoundPoolers,
    workload: &Workload,
    console: &ConsoleAccess,
    endpoint: &Endpoint,
    pools: &[Pool],
) {
    let (mut pausable, mut paused) = (Vec::new(), Vec::new());
    for pool in pools {
        match target(workload, pool) {
            PoolLeads::Elsewhere => {}
            PoolLeads::ToMember => found.notes.push(format!(
                "pool {} of {} leads to {} itself, not to the primary: after the switchover its clients will find a standby there",
                pool.name,
                endpoint.member,
                pool.hosts.join(", ")
            )),
            PoolLeads::ToPrimary if pool.paused => paused.push(pool.name.clone()),
            PoolLeads::ToPrimary if pool.per_session => found.notes.push(format!(
                "pool {} of {} lends connections per session: a pause would wait for its clients to go, so they will \
                 have to connect again",
                pool.name, endpoint.member
            )),
            PoolLeads::ToPrimary => pausable.push(pool.name.clone()),
        }
    }
    let retry_settings = pools.first().map(|pool| pool.retry_settings.clone()).unwrap_or_default();
    let with = |pools| FoundPooler {
        target: PoolerTarget { endpoint: endpoint.clone(), pools, retry_settings: retry_settings.clone() },
        console: console.clone(),
    };
    if !paused.is_empty() {
        let names = paused.join(", ");
        found.notes.push(format!("another program has paused {names} of {}: it stays paused", endpoint.member));
        found.paused.push(with(paused));
    }
    if !pausable.is_empty() {
        found.pausable.push(with(pausable));
    }
}

/// Where a pool leads.
#[derive(Debug, PartialEq, Eq)]
enum PoolLeads {
    ToPrimary,
    ToMember,
    Elsewhere,
}

fn target(workload: &Workload, pool: &Pool) -> PoolLeads {
    let [host] = &pool.hosts[..] else {
        // Several hosts are tried in turn: they are members, if any of them is.
        let member = pool.hosts.iter().any(|host| is_member(workload, host));
        return if member { PoolLeads::ToMember } else { PoolLeads::Elsewhere };
    };
    if workload.routes.iter().any(|route| is_service(&route.service, &workload.id.namespace, host)) {
        return PoolLeads::ToPrimary;
    }
    if is_member(workload, host) { PoolLeads::ToMember } else { PoolLeads::Elsewhere }
}

/// Whether a host is a Service, by any of the names a pod of its namespace knows it by.
fn is_service(service: &str, namespace: &str, host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let full = format!("{service}.{namespace}");
    host == service || host == full || host.strip_prefix(&full).is_some_and(|rest| rest.starts_with(".svc"))
}

fn is_member(workload: &Workload, host: &str) -> bool {
    workload.members.iter().any(|member| {
        member.address.as_deref() == Some(host)
            || is_service(&workload.service, &workload.id.namespace, after(member, host))
    })
}

/// What follows a member's own name in a host name.
fn after<'a>(member: &Member, host: &'a str) -> &'a str {
    host.strip_prefix(&member.name).and_then(|rest| rest.strip_prefix('.')).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::is_service;

    #[test]
    fn a_service_is_known_by_all_its_names_and_no_other_is_taken_for_it() {
        for host in ["db", "db.shop", "db.shop.svc", "db.shop.svc.cluster.local", "db.shop.svc.cluster.local."] {
            assert!(is_service("db", "shop", host), "{host}");
        }
        for host in ["db2", "db.other", "db.shop2.svc", "db-read.shop.svc", "10.0.0.1", ""] {
            assert!(!is_service("db", "shop", host), "{host}");
        }
    }
}
