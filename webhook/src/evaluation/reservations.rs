//! THINK. Which eviction records still reserve their pod.
//!
//! A reservation counts from the moment it is written until its pod is seen terminating, since from then on Kubernetes
//! itself shows what is missing; or until it expires: an allowed eviction that was never carried out frees itself. One that
//! is granted again counts from then on: a drain asks again while a budget refuses after the guard, and the reservation's
//! age is that of its last request, not of its first.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use stateful_cluster::guard::eviction_records::EvictionRecord;
use stateful_safety::Workload;

use super::observation::Observation;

/// After this long a pod that was allowed to go and is still there was left alone. An admitted eviction still waits for its
/// budget up to 20 times half a second (`eviction.go`, `EvictionsRetry`), and is then carried out or refused.
pub(crate) const RESERVATION_LIFETIME: Duration = Duration::from_secs(20);

/// A record of this age is deleted from the Lease, whatever it says.
const STALE_AFTER: Duration = Duration::from_hours(1);

/// Above this number of remembered reservations the stale ones are forgotten.
const REMEMBERED: usize = 1_024;

/// When this process first saw a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FirstSeen {
    /// When the reservation was made, by the clock of the process that made it: compared for equality alone, never with
    /// this process's clock.
    made: Timestamp,
    seen: Instant,
}

impl FirstSeen {
    pub(crate) const fn of(record: &EvictionRecord, now: Instant) -> Self {
        Self { made: record.at, seen: now }
    }

    /// Whether this very reservation was not used within its lifetime.
    pub(crate) fn is_expired(&self, record: &EvictionRecord, now: Instant) -> bool {
        self.made == record.at && now.duration_since(self.seen) >= RESERVATION_LIFETIME
    }
}

/// Finds the members that count as absent though Kubernetes does not show it yet: those reserved for removal, and those
/// whose pod is not the one that was asked in the last observation. `first_seen` is this process's own, by pod UID.
/// `except` is the UID of the pod the request is about.
pub(crate) fn find_absent(
    workload: &Workload,
    observation: Option<&Observation>,
    records: &[EvictionRecord],
    first_seen: &mut HashMap<String, FirstSeen>,
    now: Instant,
    except: &str,
) -> Vec<String> {
    let mut absent: Vec<String> = Vec::new();
    if first_seen.len() > REMEMBERED {
        first_seen.retain(|_, one| now.duration_since(one.seen) < STALE_AFTER);
    }
    for record in records.iter().filter(|record| record.granted && record.uid != except) {
        let seen = first_seen.entry(record.uid.clone()).or_insert(FirstSeen::of(record, now));
        if seen.made != record.at {
            *seen = FirstSeen::of(record, now);
        }
        let is_there = workload.member(&record.pod).is_some_and(|pod| pod.uid == record.uid);
        if is_there && !seen.is_expired(record, now) {
            absent.push(record.pod.clone());
        }
    }
    // A pod that was recreated or has gone since it was asked: its old answer says nothing about the pod there now.
    let asked = observation.and_then(|observation| observation.workload.as_deref());
    let asked = asked.filter(|asked| !std::ptr::eq(*asked, workload));
    for before in asked.iter().flat_map(|asked| &asked.members) {
        let same = workload.member(&before.name).is_some_and(|pod| pod.uid == before.uid);
        if !same && !absent.contains(&before.name) {
            absent.push(before.name.clone());
        }
    }
    absent
}

/// Whether a record is so old that it is deleted: no drain waits for that pod any more.
pub(crate) fn is_stale(record: &EvictionRecord, now: Timestamp) -> bool {
    u64::try_from(now.duration_since(record.at).as_secs()).is_ok_and(|age| age > STALE_AFTER.as_secs())
}

#[cfg(test)]
mod tests;
