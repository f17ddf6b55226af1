//! Is the database in the middle of something? Resharding, two primaries, members that disagree: hands off.

use crate::case::Case;
use crate::{Blocker, Disruption, Reason};

/// Refuses on every blocker that matters to the disruption.
pub(crate) fn engine_idle(case: &Case<'_>) -> Vec<Reason> {
    case.assessment
        .blockers
        .iter()
        .filter(|blocker| matters(blocker, case.disruption))
        .cloned()
        .map(Reason::Blocked)
        .collect()
}

/// A snapshot runs in a forked child and hurts nobody who restarts a replica; in a handover it competes for memory
/// and disk while writes wait. A role that a restart forgets does no harm as long as nobody's role is changed. All else
/// concerns whatever is done.
const fn matters(blocker: &Blocker, disruption: &Disruption) -> bool {
    match blocker {
        Blocker::SnapshotRunning { .. } | Blocker::RoleNotKept { .. } => {
            matches!(disruption, Disruption::HandOver { .. })
        }
        Blocker::SlotsUncovered { .. }
        | Blocker::MigrationRunning { .. }
        | Blocker::ViewsDisagree { .. }
        | Blocker::Stranger { .. }
        | Blocker::NoSinglePrimary { .. } => true,
    }
}
