//! THINK, for tests. One replica of the guard: how far its request is, and what it remembers.

use super::pods::{Age, Life, OLD, PODS, Pod};

/// How far a request is. `is_current` says whether the Lease still has the version that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    Idle,
    HasRead { pod: usize, records: [bool; PODS], is_current: bool },
    Allows { pod: usize, records: [bool; PODS], is_current: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Guard {
    pub(super) phase: Phase,
    /// How long ago it first saw the record that is there now; none where it has not, or has only seen one before it.
    pub(super) first_seen: [Option<Age>; PODS],
    /// What it saw when it last asked the database; none where that is longer ago than the judge accepts (3 s).
    pub(super) observed: Option<[Pod; PODS]>,
}

impl Guard {
    pub(super) const fn new() -> Self {
        let pod = Pod { life: Life::Running, is_new: false, in_sync: true };
        Self { phase: Phase::Idle, first_seen: [None; PODS], observed: Some([pod; PODS]) }
    }

    /// A request that took longer than 3 s is answered with a refusal.
    pub(super) fn grow_older(&mut self) {
        self.phase = Phase::Idle;
        self.observed = None;
        for age in self.first_seen.iter_mut().flatten() {
            *age = OLD.min(*age + 1);
        }
    }
}
