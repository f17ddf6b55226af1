//! THINK. How long an authority and a certificate live, and how long each step of a rotation is left to sink in.

use jiff::{SignedDuration, Timestamp};

/// From when to when something is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifetime {
    /// When it was made. The certificate itself says [`SKEW`] earlier.
    pub(crate) from: Timestamp,
    /// When it runs out.
    pub(crate) until: Timestamp,
}

/// A certificate is good from this long before it was made: the clock of the API server may be behind ours.
pub(crate) const SKEW: SignedDuration = SignedDuration::from_hours(1);

/// All the times of the certificates the guard makes for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RotationTimes {
    /// The life of an authority.
    pub(crate) authority: SignedDuration,
    /// The life of a certificate.
    pub(crate) certificate: SignedDuration,
    /// From when a new authority is in every configuration to when its first certificate is served. Every API server
    /// has heard of it by then, and a replica that wrote an older bundle over it has seen its mistake and mended it.
    pub(crate) settle: SignedDuration,
    /// From when a new authority's first certificate may be served to when the old authority is trusted no more. Every
    /// replica serves it by then.
    pub(crate) lag: SignedDuration,
    /// How often a replica looks, whether anything has changed or not.
    pub(crate) beat: SignedDuration,
}

impl Default for RotationTimes {
    /// Certificates for 90 days, as the public authorities have made it usual.
    fn default() -> Self {
        Self::of(SignedDuration::from_hours(90 * 24))
    }
}

impl RotationTimes {
    /// The times for certificates of a life; the authority lives four times as long. Each is replaced at two thirds: a
    /// guard that cannot write for a third of either life is still trusted.
    ///
    /// A minute to settle: API servers follow their configurations within a second, and replicas look every ten. Ten
    /// minutes of lag: two of the watches that may hang unnoticed. Short lives shorten the waiting with them, so that a
    /// rotation is always over long before the next is due.
    pub(crate) fn of(certificate: SignedDuration) -> Self {
        Self {
            authority: certificate * 4,
            certificate,
            settle: SignedDuration::from_secs(60).min(certificate / 12),
            lag: SignedDuration::from_mins(10).min(certificate / 6),
            beat: SignedDuration::from_secs(10).min(certificate / 60),
        }
    }
}

impl Lifetime {
    /// From now on.
    pub(crate) fn starting(now: Timestamp, life: SignedDuration) -> Self {
        Self { from: now, until: now.saturating_add(life).unwrap_or(Timestamp::MAX) }
    }

    /// Whether it has run out.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        now >= self.until
    }

    /// Whether it is time to replace it: two thirds of its life have gone by.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        now.duration_since(self.from) >= self.until.duration_since(self.from) / 3 * 2
    }
}
