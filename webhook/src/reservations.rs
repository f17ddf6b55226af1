//! THINK. Which promises still count.
//!
//! A promise counts from the moment it is written until its pod is seen going, since from then on Kubernetes itself says
//! what is missing; or until it is clear that nobody kept it: a granted eviction that was never carried out frees itself.
//! One that is granted anew is another promise: a drain asks again while a budget refuses after us, and the time it takes
//! is that of its last question, not of its first.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use stateful_cluster::EvictionRecord;
use stateful_safety::Workload;

use crate::state::Seen;

/// After this long a pod that was allowed to go and is still there was left alone. An admitted eviction then still waits
/// for its budget up to 20 times half a second (`eviction.go`, `EvictionsRetry`), and is deleted or refused.
pub(crate) const KEPT_WITHIN: Duration = Duration::from_secs(20);

/// A promise of which nobody heard for an hour is of no use to anybody.
const SPENT_AFTER: Duration = Duration::from_hours(1);

/// So many are remembered before the old ones among them are forgotten.
const REMEMBERED: usize = 1_024;

/// When this process first saw a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sighting {
    /// When it was made, by the clock of whoever made it: compared for being the same, never with our own.
    made: Timestamp,
    seen: Instant,
}

impl Sighting {
    pub(crate) const fn of(promise: &EvictionRecord, now: Instant) -> Self {
        Self { made: promise.at, seen: now }
    }

    /// Whether this very promise is so old that nobody makes use of it any more.
    pub(crate) fn is_void(&self, promise: &EvictionRecord, now: Instant) -> bool {
        self.made == promise.at && now.duration_since(self.seen) >= KEPT_WITHIN
    }
}

/// Members that count as gone though nothing about them says so yet: promised to somebody, or not the pods that were
/// asked when the database was last looked at. `sightings` are this process's own, by pod UID.
pub(crate) fn gone(
    workload: &Workload,
    seen: Option<&Seen>,
    promises: &[EvictionRecord],
    sightings: &mut HashMap<String, Sighting>,
    now: Instant,
    except: &str,
) -> Vec<String> {
    let mut gone: Vec<String> = Vec::new();
    if sightings.len() > REMEMBERED {
        sightings.retain(|_, sighting| now.duration_since(sighting.seen) < SPENT_AFTER);
    }
    for promise in promises.iter().filter(|promise| promise.granted && promise.uid != except) {
        let sighting = sightings.entry(promise.uid.clone()).or_insert(Sighting::of(promise, now));
        if sighting.made != promise.at {
            *sighting = Sighting::of(promise, now);
        }
        let is_there = workload.member(&promise.pod).is_some_and(|pod| pod.uid == promise.uid);
        if is_there && !sighting.is_void(promise, now) {
            gone.push(promise.pod.clone());
        }
    }
    // One that was reborn, or has gone, since it was asked: what it said then says nothing about what is there now.
    let asked = seen.and_then(|seen| seen.asked.as_deref()).filter(|asked| !std::ptr::eq(*asked, workload));
    for before in asked.iter().flat_map(|asked| &asked.members) {
        let same = workload.member(&before.name).is_some_and(|pod| pod.uid == before.uid);
        if !same && !gone.contains(&before.name) {
            gone.push(before.name.clone());
        }
    }
    gone
}

/// Whether a promise is of no use to anybody any more: an hour old, or about a pod that is gone and was reborn long ago.
pub(crate) fn is_spent(promise: &EvictionRecord, now: jiff::Timestamp) -> bool {
    u64::try_from(now.duration_since(promise.at).as_secs()).is_ok_and(|age| age > SPENT_AFTER.as_secs())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use serde_json::json;
    use stateful_cluster::{EvictionRecord, Model};
    use stateful_safety::{Workload, WorkloadId};

    use super::{KEPT_WITHIN, Sighting, gone};
    use crate::rules::fixtures::{guarded, pod, redis};
    use crate::state::Seen;

    fn workload(pods: &[usize]) -> Arc<Workload> {
        let objects: Vec<_> =
            [guarded(), redis(3)].into_iter().chain(pods.iter().map(|at| pod("redis", *at))).collect();
        let model = Model::of(&objects).expect("a model");
        let id = WorkloadId { namespace: "shop".to_owned(), name: "redis".to_owned() };
        model.workload(&id).expect("a workload")
    }

    fn promise(ordinal: usize, granted: bool) -> EvictionRecord {
        let text = json!({"pod": format!("redis-{ordinal}"), "uid": format!("pod-{ordinal}"), "node": "n1",
            "granted": granted, "at": "2026-01-01T00:00:00Z"});
        serde_json::from_value(text).expect("a promise")
    }

    fn seen(uids: &[(usize, &str)]) -> Seen {
        let ordinals: Vec<usize> = uids.iter().map(|(ordinal, _)| *ordinal).collect();
        let mut asked = (*workload(&ordinals)).clone();
        for (member, (_, uid)) in asked.members.iter_mut().zip(uids) {
            (*uid).clone_into(&mut Arc::make_mut(member).uid);
        }
        Seen { asked: Some(Arc::new(asked)), ..Seen::default() }
    }

    #[test]
    fn a_promise_counts_until_its_pod_is_seen_going() {
        let (now, mut first) = (Instant::now(), HashMap::new());
        let all = workload(&[0, 1, 2]);
        assert_eq!(gone(&all, None, &[promise(1, true)], &mut first, now, "pod-0"), ["redis-1"]);
        assert!(gone(&all, None, &[promise(1, false)], &mut first, now, "pod-0").is_empty(), "only somebody asked");
        assert!(gone(&all, None, &[promise(1, true)], &mut first, now, "pod-1").is_empty(), "its own is no obstacle");
    }

    #[test]
    fn an_eviction_that_was_allowed_and_never_carried_out_frees_itself() {
        let (now, mut first) = (Instant::now(), HashMap::new());
        let all = workload(&[0, 1, 2]);
        assert_eq!(gone(&all, None, &[promise(1, true)], &mut first, now, "pod-0").len(), 1);
        let almost = now + KEPT_WITHIN.saturating_sub(Duration::from_millis(1));
        assert_eq!(gone(&all, None, &[promise(1, true)], &mut first, almost, "pod-0").len(), 1);
        assert!(gone(&all, None, &[promise(1, true)], &mut first, now + KEPT_WITHIN, "pod-0").is_empty());
    }

    #[test]
    fn a_promise_that_is_made_anew_counts_from_then_on() {
        let (now, mut first) = (Instant::now(), HashMap::new());
        let all = workload(&[0, 1, 2]);
        assert_eq!(gone(&all, None, &[promise(1, true)], &mut first, now, "pod-0").len(), 1);
        let again = EvictionRecord { at: "2026-01-01T00:00:19Z".parse().expect("a moment"), ..promise(1, true) };
        let almost = now + KEPT_WITHIN.saturating_sub(Duration::from_secs(1));
        assert_eq!(gone(&all, None, std::slice::from_ref(&again), &mut first, almost, "pod-0").len(), 1);
        assert_eq!(gone(&all, None, std::slice::from_ref(&again), &mut first, now + KEPT_WITHIN, "pod-0").len(), 1);
        assert!(gone(&all, None, &[again], &mut first, almost + KEPT_WITHIN, "pod-0").is_empty());
    }

    #[test]
    fn sightings_nobody_asks_about_any_more_are_forgotten_and_fresh_ones_are_not() {
        let (began, all) = (Instant::now(), workload(&[0, 1, 2]));
        let old = |number: usize| (format!("gone-{number}"), Sighting::of(&promise(0, true), began));
        let mut first: HashMap<String, Sighting> = (0..=super::REMEMBERED).map(old).collect();
        let now = began + super::SPENT_AFTER;
        first.insert("fresh".to_owned(), Sighting::of(&promise(0, true), now));
        gone(&all, None, &[promise(1, true)], &mut first, now, "pod-0");
        let mut left: Vec<&str> = first.keys().map(String::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["fresh", "pod-1"]);
    }

    #[test]
    fn what_a_member_said_before_it_was_reborn_says_nothing_about_it_now() {
        let (now, mut first) = (Instant::now(), HashMap::new());
        let asked = seen(&[(0, "pod-0"), (1, "the one before"), (2, "pod-2")]);
        assert_eq!(gone(&workload(&[0, 1, 2]), Some(&asked), &[], &mut first, now, "pod-0"), ["redis-1"]);
        let asked = seen(&[(0, "pod-0"), (1, "pod-1")]);
        assert_eq!(gone(&workload(&[0]), Some(&asked), &[], &mut first, now, "pod-0"), ["redis-1"], "it has gone");
    }
}
