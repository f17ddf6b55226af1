//! THINK. How long an authority and a certificate live, and how long each step of a rotation waits for every replica and API
//! server to follow.

use jiff::{SignedDuration, Timestamp};

/// From when to when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifetime {
    /// When it was issued. The certificate itself says [`SKEW`] earlier.
    pub(crate) from: Timestamp,
    /// When it expires.
    pub(crate) until: Timestamp,
}

/// A certificate is valid from this long before it was issued: the API server's clock may be behind the guard's.
pub(crate) const SKEW: SignedDuration = SignedDuration::from_hours(1);

/// The times of the certificates that the guard issues for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RotationTimes {
    /// The life of an authority.
    pub(crate) authority: SignedDuration,
    /// The life of a certificate.
    pub(crate) certificate: SignedDuration,
    /// From when a new authority is in every configuration to when its first certificate is served. By then every API server
    /// has read it, and a replica that overwrote it with an older bundle has corrected that.
    pub(crate) settle: SignedDuration,
    /// From when a new authority's first certificate may be served to when the old authority is no longer trusted. By then
    /// every replica serves the new certificate.
    pub(crate) lag: SignedDuration,
    /// How often a replica reads the Secret, whether anything has changed or not.
    pub(crate) beat: SignedDuration,
}

impl Default for RotationTimes {
    /// Certificates for 90 days, which is usual with public authorities.
    fn default() -> Self {
        Self::of(SignedDuration::from_hours(90 * 24))
    }
}

impl RotationTimes {
    /// The times for certificates of a lifetime; the authority lives four times as long. Each is replaced at two thirds: a
    /// guard that cannot write for a third of either lifetime is still trusted.
    ///
    /// `settle` is a minute: API servers follow their configurations within a second, and replicas read every 10 s. `lag` is
    /// 10 min: twice the time for which a watch may hang unnoticed. Short lifetimes shorten both, so that a rotation is always
    /// over long before the next is due.
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
    /// A lifetime that starts now.
    pub(crate) fn starting(now: Timestamp, life: SignedDuration) -> Self {
        Self { from: now, until: now.saturating_add(life).unwrap_or(Timestamp::MAX) }
    }

    /// Whether it has expired.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        now >= self.until
    }

    /// Whether it has to be replaced: two thirds of it have passed.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        now.duration_since(self.from) >= self.until.duration_since(self.from) / 3 * 2
    }
}
