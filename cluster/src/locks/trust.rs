//! THINK. How long an operation lock is trusted: by its holder, and by those who wait for it.

use std::time::Duration;

use super::lease::LIFETIME;

/// How long after its last renewal the holder still trusts the lock; later it changes nothing before it has renewed it.
/// Shorter than [`LIFETIME`], so that a new holder never acts at the same time as the old one.
pub(super) const TRUSTED_FOR: Duration = Duration::from_secs(6);

/// Whether the holder may change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// It may.
    Holds,
    /// Not before it has renewed the lock.
    Renew,
    /// Another process has taken it.
    Lost,
}

/// Whether the holder may change something now. `since_renewal` is the time since it *asked* for its last renewal: the Lease may have
/// been renewed at once and only the answer have been late.
pub(super) fn trust(lost: bool, since_renewal: Duration) -> Trust {
    if lost {
        Trust::Lost
    } else if since_renewal < TRUSTED_FOR {
        Trust::Holds
    } else {
        Trust::Renew
    }
}

/// Whether a lock may be taken: it has no holder, or its holder has not renewed it while this process watched.
pub(super) fn is_free(has_holder: bool, unchanged_for: Duration) -> bool {
    !has_holder || unchanged_for >= LIFETIME
}
