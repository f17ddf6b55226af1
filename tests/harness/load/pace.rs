//! How often each key is written.

use std::cell::Cell;
use std::time::Duration;

/// What the load is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Finds short gaps: a hundred writes a second and key, fine enough to see a gap of 20 ms.
    Measure,
    /// Has a write under way whenever anything happens: twenty a second and key. Several loads that measure would keep two cores busy,
    /// and slow the databases that other laws wait for.
    Prove,
}

thread_local! {
    /// Of loads that this thread starts: each group of laws has a thread of its own, demo and bench measure.
    static PACE: Cell<Pace> = const { Cell::new(Pace::Measure) };
}

impl Pace {
    /// Sets it for loads that this thread starts from now on.
    pub(crate) fn set(self) {
        PACE.set(self);
    }

    /// The time between two writes to a key, of a load that begins now.
    pub(super) fn interval() -> Duration {
        match PACE.get() {
            Self::Measure => Duration::from_millis(10),
            Self::Prove => Duration::from_millis(50),
        }
    }
}
