//! How long answers took: the middle, the slow end, how many a second.

use std::time::Duration;

/// Of one round, or of several.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spread {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// Answers a second.
    pub(crate) rate: f64,
    /// Answers that were not the one expected, or none.
    pub(crate) errors: usize,
}

impl Spread {
    /// Of one round.
    pub(crate) fn of(mut took: Vec<Duration>, errors: usize, wall: Duration) -> Self {
        took.sort_unstable();
        let at = |percent: usize| took.get((took.len() * percent / 100).min(took.len().saturating_sub(1)));
        let rate = f64::from(u32::try_from(took.len()).unwrap_or(u32::MAX)) / wall.as_secs_f64();
        Self { p50: at(50).copied().unwrap_or_default(), p99: at(99).copied().unwrap_or_default(), rate, errors }
    }

    /// Over rounds: the median of each figure, and all errors.
    pub(crate) fn over(rounds: &[Self]) -> Self {
        Self {
            p50: median(rounds.iter().map(|round| round.p50)),
            p99: median(rounds.iter().map(|round| round.p99)),
            rate: middle(rounds.iter().map(|round| round.rate)),
            errors: rounds.iter().map(|round| round.errors).sum(),
        }
    }
}

/// The middle one.
pub(crate) fn median<T: Ord + Default + Copy>(all: impl Iterator<Item = T>) -> T {
    let mut all: Vec<T> = all.collect();
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or_default()
}

/// The middle one of fractions.
pub(crate) fn middle(all: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = all.collect();
    all.sort_unstable_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or_default()
}

/// How many times as long.
pub(crate) fn times(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64().max(f64::EPSILON)
}
