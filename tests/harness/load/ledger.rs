//! The ledger of one key: each write is acknowledged, unknown, or failed.

use std::time::{Duration, Instant, SystemTime};

use super::client::WriteOutcome;

/// What became of every write to one key.
#[derive(Debug)]
pub(super) struct Ledger {
    name: String,
    began: Instant,
    last_acknowledged: Instant,
    acknowledged: Vec<u64>,
    errors: Vec<String>,
    /// Since the figures were last taken.
    figures: Figures,
    figures_since: Instant,
}

/// Figures over a span of time.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// How long it was.
    pub took: Duration,
    /// Writes that the database confirmed.
    pub acknowledged: usize,
    /// Writes whose answer never came: each may be there or not.
    pub unknown: usize,
    /// Writes that the database refused, or that were never sent.
    pub failed: usize,
    /// The longest time that one key went without an acknowledged write.
    pub longest_gap: Duration,
    /// That key.
    pub of_key: String,
    /// When that key was written again, to be compared with the tool's own progress.
    pub gap_ended: Option<SystemTime>,
}

impl Ledger {
    pub(super) fn new(name: String) -> Self {
        let now = Instant::now();
        Self {
            name,
            began: now,
            last_acknowledged: now,
            acknowledged: Vec::new(),
            errors: Vec::new(),
            figures: Figures::default(),
            figures_since: now,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn acknowledged(&self) -> &[u64] {
        &self.acknowledged
    }

    pub(super) fn errors(&self) -> &[String] {
        &self.errors
    }

    fn acknowledge(&mut self, number: u64) {
        let now = Instant::now();
        self.measure_gap(now);
        self.last_acknowledged = now;
        self.acknowledged.push(number);
        self.figures.acknowledged += 1;
    }

    /// Enters what became of a write.
    pub(super) fn enter(&mut self, number: u64, outcome: WriteOutcome) {
        let (word, error) = match outcome {
            WriteOutcome::Acknowledged => return self.acknowledge(number),
            WriteOutcome::Unknown(error) => {
                self.figures.unknown += 1;
                ("unknown", error)
            }
            WriteOutcome::Failed(error) => {
                self.figures.failed += 1;
                ("failed", error)
            }
        };
        let at = self.began.elapsed().as_secs_f64();
        self.errors.push(format!("{at:7.2} s  {}/{number} {word}: {error}", self.name));
    }

    /// Hands out the figures and begins new ones. A gap that is still open counts here as far as it goes, and whole in the next
    /// figures.
    pub(super) fn take_figures(&mut self, now: Instant) -> Figures {
        self.measure_gap(now);
        self.figures.took = now.duration_since(self.figures_since);
        self.figures_since = now;
        std::mem::take(&mut self.figures)
    }

    fn measure_gap(&mut self, now: Instant) {
        let gap = now.saturating_duration_since(self.last_acknowledged);
        if gap > self.figures.longest_gap {
            self.figures.longest_gap = gap;
            self.figures.of_key.clone_from(&self.name);
            self.figures.gap_ended = Some(SystemTime::now());
        }
    }
}

impl Figures {
    /// The figures of two keys, or of two spans of time, as one.
    #[must_use]
    pub fn combine(self, other: &Self) -> Self {
        let longest = if self.longest_gap >= other.longest_gap { &self } else { other };
        Self {
            took: self.took.max(other.took),
            acknowledged: self.acknowledged + other.acknowledged,
            unknown: self.unknown + other.unknown,
            failed: self.failed + other.failed,
            longest_gap: longest.longest_gap,
            of_key: longest.of_key.clone(),
            gap_ended: longest.gap_ended,
        }
    }
}
