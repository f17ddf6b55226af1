//! Pods that cannot start, told from pods that have not started yet.

use stateful_safety::Millis;

use crate::Snapshot;
use crate::steps::Step;

/// A pod that cannot start gets this long before it counts as one that never will; image pulls and crash loops show
/// their first error within seconds and some of them pass.
const CANNOT_START_AFTER: Millis = 20_000;

/// The kubelet's words for it.
#[rustfmt::skip]
const CANNOT: &[&str] = &[
    "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CrashLoopBackOff",
    "CreateContainerConfigError", "CreateContainerError", "RunContainerError",
];

/// Since when the pod a step waits for has been saying that it cannot start.
#[derive(Debug, Default)]
pub(crate) struct Stuck {
    since: Option<Millis>,
}

impl Stuck {
    /// Why the pod a step waits for will never start, once it has said so for too long.
    pub(crate) fn for_too_long(&mut self, step: &Step, snapshot: &Snapshot) -> Option<String> {
        let pod = snapshot.workload.member(step.awaited_pod()?)?;
        let Some(why) = pod.waiting.as_deref().filter(|why| CANNOT.contains(why)) else {
            // A crash loop runs for a moment between two crashes; only being ready clears it.
            if pod.ready {
                self.since = None;
            }
            return None;
        };
        let since = snapshot.at - *self.since.get_or_insert(snapshot.at);
        let (name, image) = (&pod.name, &pod.image);
        (since >= CANNOT_START_AFTER)
            .then(|| format!("{name} cannot start with image {image}: {why} for {} s", since / 1000))
    }
}
