//! Where the time of a law goes.

use std::time::{Duration, Instant};

/// What a law can spend its time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Waits for its turn, or for quiet.
    Waiting,
    /// Deploys a database.
    Deploying,
    /// Proves.
    Running,
    /// Takes back what it changed.
    CleaningUp,
}

/// The time that one law has spent so far.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    phase: Phase,
    since: Instant,
    spent: [Duration; 4],
}

impl Times {
    /// A law that begins now, and waits for its turn.
    pub(crate) fn begin() -> Self {
        Self { phase: Phase::Waiting, since: Instant::now(), spent: [Duration::ZERO; 4] }
    }

    /// Begins another phase. Returns the one before.
    pub(crate) fn enter(&mut self, phase: Phase) -> Phase {
        let now = Instant::now();
        self.spent[self.phase as usize] += now - self.since;
        self.since = now;
        std::mem::replace(&mut self.phase, phase)
    }

    /// The time spent on a phase, up to the last change of phase.
    pub(crate) fn spent(&self, phase: Phase) -> Duration {
        self.spent[phase as usize]
    }

    /// All of it but the waiting.
    pub(crate) fn busy(&self) -> Duration {
        self.spent(Phase::Deploying) + self.spent(Phase::Running) + self.spent(Phase::CleaningUp)
    }
}

#[cfg(test)]
mod tests {
    use super::{Phase, Times};

    #[test]
    fn each_phase_has_its_own_time() {
        let mut times = Times::begin();
        assert_eq!(times.enter(Phase::Deploying), Phase::Waiting);
        assert_eq!(times.enter(Phase::Running), Phase::Deploying);
        assert_eq!(times.enter(Phase::Running), Phase::Running);
        let all: std::time::Duration = times.spent.iter().sum();
        assert_eq!(times.busy() + times.spent(Phase::Waiting), all);
    }
}
