//! Tells pods that cannot start from pods that have not started yet.

use stateful_safety::Millis;

use crate::Snapshot;
use crate::steps::Step;

/// A pod that cannot start gets this long before it counts as one that never will; image pulls and crash loops show
/// their first error within seconds and some of them pass.
const CANNOT_START_AFTER: Millis = 20_000;

/// The kubelet's reasons for a container that cannot start.
#[rustfmt::skip]
const CANNOT: &[&str] = &[
    "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CrashLoopBackOff",
    "CreateContainerConfigError", "CreateContainerError", "RunContainerError",
];

/// Since when the kubelet reports that the pod a step waits for cannot start.
#[derive(Debug, Default)]
pub(crate) struct UnstartablePod {
    since: Option<Millis>,
}

impl UnstartablePod {
    /// Why the pod that a step waits for will never start, once that has been reported for too long.
    pub(crate) fn reason_to_give_up(&mut self, step: &Step, snapshot: &Snapshot) -> Option<String> {
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
