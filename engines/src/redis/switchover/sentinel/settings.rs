//! The settings that a switchover changes for its duration, on one Sentinel and on the successor, and the user's own values. If our
//! process dies they keep ours. Those are odd numbers ([`FAILOVER_TIMEOUT`], [`BEST_PRIORITY`]), so that the next process knows that
//! they are ours; the user's values are those of the other Sentinels and replicas, which were not changed.

use std::collections::BTreeMap;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, cmd};

use super::super::{SwitchoverContext, refused};
use crate::redis::connections::{Connections, words};
use crate::{Endpoint, SwitchoverError};

/// The Sentinel gives a failover up after this many milliseconds instead of its usual three minutes, since writes are paused all
/// the while. A failover that succeeds takes one to two seconds. The odd number marks the setting as ours: on a Sentinel that is
/// asked later, a process of ours that died has left it.
pub(super) const FAILOVER_TIMEOUT: u64 = 10_007;

/// `failover-timeout`, where no Sentinel has a value of the user's (`SENTINEL_DEFAULT_FAILOVER_TIMEOUT`).
pub(super) const DEFAULT_FAILOVER_TIMEOUT: &str = "180000";

/// The successor's priority for the duration. Sentinels choose the replica with the lowest number; with 0 a replica is never
/// chosen, and the default is 100. The odd number marks the setting as ours, as [`FAILOVER_TIMEOUT`] does.
pub(super) const BEST_PRIORITY: u64 = 7;

/// `replica-priority`, where no member has a value of the user's.
pub(super) const DEFAULT_PRIORITY: u64 = 100;

/// What a Sentinel says of a server, field by field.
pub(super) type SentinelFields = BTreeMap<String, String>;

/// The primaries that a Sentinel monitors, and the connection to it.
pub(super) async fn masters(
    connections: &Connections,
    sentinel: &Endpoint,
) -> Result<(MultiplexedConnection, Vec<SentinelFields>), String> {
    let mut connection = connections.to(sentinel).await.map_err(|error| error.to_string())?;
    match cmd("SENTINEL").arg("MASTERS").query_async(&mut connection).await {
        Ok(masters) => Ok((connection, masters)),
        Err(error) => {
            connections.forget(sentinel).await;
            Err(words(&error))
        }
    }
}

/// A Sentinel's `failover-timeout` as the user has it, where `told` is what it says now.
pub(super) async fn failover_timeout(
    connections: &Connections,
    sentinels: &[Endpoint],
    name: &str,
    told: &SentinelFields,
) -> String {
    match told.get("failover-timeout") {
        Some(own) if *own != FAILOVER_TIMEOUT.to_string() => own.clone(),
        _ => failover_timeout_of_others(connections, sentinels, name).await,
    }
}

pub(super) async fn failover_timeout_of_others(
    connections: &Connections,
    sentinels: &[Endpoint],
    name: &str,
) -> String {
    for sentinel in sentinels {
        let Ok((_, masters)) = masters(connections, sentinel).await else { continue };
        let of_ours = masters.iter().find(|master| master.get("name").is_some_and(|its| its == name));
        let timeout = of_ours.and_then(|master| master.get("failover-timeout"));
        if let Some(timeout) = timeout.filter(|timeout| **timeout != FAILOVER_TIMEOUT.to_string()) {
            return timeout.clone();
        }
    }
    DEFAULT_FAILOVER_TIMEOUT.to_owned()
}

/// The priorities of all members but one, of those that answer.
pub(super) async fn priorities(connections: &Connections, endpoints: &[Endpoint], but: &str) -> Vec<u64> {
    let mut found = Vec::new();
    for endpoint in endpoints.iter().filter(|endpoint| endpoint.member != but) {
        if let Ok(mut connection) = connections.to(endpoint).await
            && let Ok(priority) = priority_of(&mut connection, &endpoint.member).await
        {
            found.push(priority);
        }
    }
    found
}

/// The priority that all of them have; none where they differ, and the user's choice for one more is not known.
pub(super) fn common_priority(others: &[u64]) -> Option<u64> {
    let first = *others.first().unwrap_or(&DEFAULT_PRIORITY);
    others.iter().all(|other| *other == first).then_some(first)
}

/// Whether what a Sentinel says of a server is about that member.
pub(super) fn describes(context: &SwitchoverContext<'_>, member: &str, described: &SentinelFields) -> bool {
    let endpoint = context.endpoints.iter().find(|endpoint| endpoint.member == member);
    endpoint.zip(described.get("ip")).is_some_and(|(endpoint, host)| endpoint.is_at(host))
}

pub(super) async fn priority_of(connection: &mut MultiplexedConnection, member: &str) -> Result<u64, SwitchoverError> {
    let config: BTreeMap<String, u64> = cmd("CONFIG")
        .arg("GET")
        .arg("replica-priority")
        .query_async(connection)
        .await
        .map_err(|error| refused(member, &error))?;
    let unset = || SwitchoverError::Refused { member: member.to_owned(), why: "it has no replica-priority".to_owned() };
    config.into_values().next().ok_or_else(unset)
}

pub(super) fn set_priority(value: u64) -> Cmd {
    cmd("CONFIG").arg("SET").arg("replica-priority").arg(value).take()
}

pub(super) fn set_failover_timeout(name: &str, milliseconds: &str) -> Cmd {
    cmd("SENTINEL").arg("SET").arg(name).arg("failover-timeout").arg(milliseconds).take()
}
