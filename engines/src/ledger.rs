//! The ledger: which of a canary's writes were acknowledged, failed, are unknown or lost.

use serde::{Deserialize, Serialize};
use stateful_safety::Millis;

/// The ledger: three states, never two. A write whose answer was lost is neither acknowledged nor failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Writes the database acknowledged.
    pub acknowledged: u64,
    /// Writes whose answer never came.
    pub unknown: u64,
    /// Writes that the database refused, or for which the client found no primary while it retried.
    pub failed: u64,
    /// Acknowledged writes that were not there at the end. Anything but zero is data loss.
    pub lost: u64,
    /// The longest time between two acknowledged writes to one key, in milliseconds.
    pub longest_gap: u64,
    /// The notable gaps, for the report's picture.
    pub gaps: Vec<Gap>,
}

/// A time without an acknowledged write to one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The key's replica group, as it is printed.
    pub group: String,
    /// When the last write before it was acknowledged.
    pub from: Millis,
    /// When the next one was.
    pub until: Millis,
}

impl Ledger {
    /// A gap worth drawing, in milliseconds: what a client that writes every 20 ms would call a hiccup. Shorter ones come
    /// from tunnels and schedulers and would hide the switchovers.
    pub const NOTABLE_GAP: u64 = 100;

    /// Adds another writer's ledger.
    pub fn add(&mut self, other: Self) {
        let Self { acknowledged, unknown, failed, lost, longest_gap, gaps } = other;
        self.acknowledged += acknowledged;
        self.unknown += unknown;
        self.failed += failed;
        self.lost += lost;
        self.longest_gap = self.longest_gap.max(longest_gap);
        self.gaps.extend(gaps);
    }
}
