//! THINK, for tests. A database of three pods, the Lease with its eviction records, and two replicas of the guard.

use stateful_explorer::Step;

use super::guard::Guard;
use super::pods::{Age, Life, NAMES, PODS, Pod};

/// For how long an eviction that was allowed may still be carried out: an answer of the guard is waited for up to 5 s, and a budget
/// for some 10 s after that.
const CARRIED_OUT_WITHIN: Age = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct World {
    /// The first one is the primary.
    pub(super) pods: [Pod; PODS],
    /// Which of the first pods have a record that their eviction was allowed.
    pub(super) records: [bool; PODS],
    /// Since when the eviction of a first pod is allowed and may be carried out.
    pub(super) admitted: [Option<Age>; PODS],
    pub(super) guards: [Guard; 2],
    pub(super) requests_left: u8,
    pub(super) deaths_left: u8,
}

impl World {
    pub(super) fn new(requests: u8, deaths: u8) -> Self {
        let pod = Pod { life: Life::Running, is_new: false, in_sync: true };
        let guards = [Guard::new(); 2];
        Self {
            pods: [pod; PODS],
            records: [false; PODS],
            admitted: [None; PODS],
            guards,
            requests_left: requests,
            deaths_left: deaths,
        }
    }

    fn with_pod(mut self, at: usize, life: Life) -> Self {
        self.pods[at].life = life;
        self
    }

    /// What happens to pods, whatever the guard does meanwhile; and the clock.
    pub(super) fn what_happens_to_pods(&self) -> Vec<Step<Self>> {
        let mut later = *self;
        for admitted in &mut later.admitted {
            *admitted = admitted.map(|age| age + 1).filter(|age| *age <= CARRIED_OUT_WITHIN);
        }
        later.guards.iter_mut().for_each(Guard::grow_older);
        let mut steps = vec![Step::progress("the clock", "goes on by 5 s", later)];
        for (at, pod) in self.pods.iter().enumerate() {
            let mut forgotten = *self;
            forgotten.admitted[at] = None;
            if self.admitted[at].is_some() && !pod.is_new && pod.life == Life::Running {
                steps.push(Step::progress(NAMES[at], "is evicted", forgotten.with_pod(at, Life::Terminating)));
                steps.push(Step::progress(NAMES[at], "is not evicted: its budget refuses", forgotten));
            }
            match pod.life {
                Life::Terminating => steps.push(Step::progress(NAMES[at], "is gone", self.with_pod(at, Life::Gone))),
                Life::Gone => {
                    let mut next = self.with_pod(at, Life::Running);
                    (next.pods[at].is_new, next.pods[at].in_sync) = (true, false);
                    steps.push(Step::progress(NAMES[at], "is created anew", next));
                }
                Life::Running if !pod.in_sync => {
                    let mut next = *self;
                    next.pods[at].in_sync = true;
                    steps.push(Step::progress(NAMES[at], "has everything again", next));
                }
                Life::Running => {}
            }
        }
        steps
    }
}
