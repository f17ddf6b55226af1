//! One key's ledger. A write is acknowledged, unknown, or failed, and nothing else.

use std::time::{Duration, Instant, SystemTime};

use super::driver::Answer;

/// What became of every write to one key.
#[derive(Debug)]
pub(super) struct Ledger {
    name: String,
    began: Instant,
    last_acknowledged: Instant,
    acknowledged: Vec<u64>,
    errors: Vec<String>,
    page: Figures,
    page_began: Instant,
}

/// Figures over a span of time.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// How long it was.
    pub took: Duration,
    /// Writes the database said yes to.
    pub acknowledged: usize,
    /// Writes whose answer never came: they may be there or not.
    pub unknown: usize,
    /// Writes the database said no to.
    pub failed: usize,
    /// The longest time a key had between two acknowledged writes.
    pub longest_gap: Duration,
    /// That key.
    pub of_key: String,
    /// When it was written again: what was going on then is in the tool's own progress.
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
            page: Figures::default(),
            page_began: now,
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
        self.gap(now);
        self.last_acknowledged = now;
        self.acknowledged.push(number);
        self.page.acknowledged += 1;
    }

    /// Enters what became of a write.
    pub(super) fn enter(&mut self, number: u64, answer: Answer) {
        let (word, error) = match answer {
            Answer::Acknowledged => return self.acknowledge(number),
            Answer::Unknown(error) => {
                self.page.unknown += 1;
                ("unknown", error)
            }
            Answer::Failed(error) => {
                self.page.failed += 1;
                ("failed", error)
            }
        };
        let at = self.began.elapsed().as_secs_f64();
        self.errors.push(format!("{at:7.2} s  {}/{number} {word}: {error}", self.name));
    }

    /// Closes a page. A gap that is still open counts for it, and goes on into the next.
    pub(super) fn turn_page(&mut self, now: Instant) -> Figures {
        self.gap(now);
        self.page.took = now.duration_since(self.page_began);
        self.page_began = now;
        std::mem::take(&mut self.page)
    }

    fn gap(&mut self, now: Instant) {
        let gap = now.saturating_duration_since(self.last_acknowledged);
        if gap > self.page.longest_gap {
            self.page.longest_gap = gap;
            self.page.of_key.clone_from(&self.name);
            self.page.gap_ended = Some(SystemTime::now());
        }
    }
}

impl Figures {
    /// Those of two keys, or of two spans.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
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
