//! THINK. Which promises still count.
//!
//! A promise counts from the moment it is written until its pod is seen going, since from then on Kubernetes itself says
//! what is missing; or until it is clear that nobody kept it: a granted eviction that was never carried out frees itself.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use stateful_cluster::Promise;
use stateful_safety::Workload;

use crate::known::Seen;

/// After this long a pod that was allowed to go and is still there was left alone. An admitted eviction then still waits
/// for its budget up to 20 times half a second (`eviction.go`, `EvictionsRetry`), and is deleted or refused.
pub(crate) const KEPT_WITHIN: Duration = Duration::from_secs(20);

/// Members that count as gone though nothing about them says so yet: promised to somebody, or not the pods that were
/// asked when the database was last looked at. `first_seen` is when this process first saw a promise.
pub(crate) fn gone(
    workload: &Workload,
    seen: Option<&Seen>,
    promises: &[Promise],
    first_seen: &mut HashMap<String, Instant>,
    now: Instant,
    except: &str,
) -> Vec<String> {
    let mut gone: Vec<String> = Vec::new();
    for promise in promises.iter().filter(|promise| promise.granted && promise.uid != except) {
        let since = *first_seen.entry(promise.uid.clone()).or_insert(now);
        let is_there = workload.member(&promise.pod).is_some_and(|pod| pod.uid == promise.uid);
        if is_there && now.duration_since(since) < KEPT_WITHIN {
            gone.push(promise.pod.clone());
        }
    }
    // One that was reborn, or has gone, since it was asked: what it said then says nothing about what is there now.
    for (name, uid) in seen.iter().flat_map(|seen| &seen.asked) {
        let same = workload.member(name).is_some_and(|pod| &pod.uid == uid);
        if !same && !gone.contains(name) {
            gone.push(name.clone());
        }
    }
    gone
}

/// Whether a promise is of no use to anybody any more: an hour old, or about a pod that is gone and was reborn long ago.
pub(crate) fn is_spent(promise: &Promise, now: jiff::Timestamp) -> bool {
    now.duration_since(promise.at).as_secs() > 3_600
}
