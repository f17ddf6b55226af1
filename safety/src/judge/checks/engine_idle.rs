//! Is the database in the middle of something? Resharding, two primaries, members that disagree: hands off.

use crate::judge::check_input::CheckInput;
use crate::judge::disruption::Disruption;
use crate::model::{Blocker, Unsettled};
use crate::reasons::Reason;

/// Refuses on every blocker that matters to the disruption.
pub(crate) fn engine_idle(input: &CheckInput<'_>) -> Vec<Reason> {
    input
        .assessment
        .blockers
        .iter()
        .filter(|blocker| matters(blocker, input.disruption))
        .cloned()
        .map(Reason::Blocked)
        .collect()
}

/// A snapshot runs in a forked child and hurts nobody who restarts a replica; in a switchover it competes for memory
/// and disk while writes wait. A role that a restart forgets does no harm as long as nobody's role is changed; the same
/// holds for what a primary alone has and for whoever else decides who leads. A base backup breaks off with the member
/// it reads from. Work of a member's own hurts whoever takes it or
/// switches over. One in maintenance mode may go itself, since nobody is led to it; beside it nobody may. All else concerns
/// whatever is done.
///
/// A switchover that is finished finds the database without a primary, and writes wait: of what else is the matter only
/// counts what would make a second writer, or keep a standby from leading.
fn matters(blocker: &Blocker, disruption: &Disruption) -> bool {
    if matches!(disruption, Disruption::FinishSwitchover { .. }) {
        return stands_in_the_way_of_the_end(blocker);
    }
    match blocker {
        Blocker::SnapshotRunning { .. }
        | Blocker::RoleNotKept { .. }
        | Blocker::TransactionOpen { .. }
        | Blocker::TransactionPrepared { .. }
        | Blocker::SlotNotCarried { .. }
        | Blocker::ReplayPaused { .. }
        | Blocker::LedByOther { .. } => matches!(disruption, Disruption::Switchover { .. }),
        Blocker::BackupRunning { member, .. } | Blocker::Busy { member, .. } => match disruption {
            Disruption::Switchover { .. } | Disruption::FinishSwitchover { .. } => true,
            Disruption::Take { members } => members.contains(member),
        },
        Blocker::Unsettled(Unsettled::MaintenanceMode { member, .. }) => match disruption {
            Disruption::Switchover { .. } | Disruption::FinishSwitchover { .. } => true,
            Disruption::Take { members } => members[..] != [member.clone()],
        },
        Blocker::SlotsUncovered { .. }
        | Blocker::Unsettled(
            Unsettled::NotJoined { .. }
            | Unsettled::CatchingUp { .. }
            | Unsettled::ShardShort { .. }
            | Unsettled::Resharding { .. },
        )
        | Blocker::MigrationRunning { .. }
        | Blocker::ViewsDisagree { .. }
        | Blocker::Stranger { .. }
        | Blocker::NoSinglePrimary { .. }
        | Blocker::WritesLocked { .. }
        | Blocker::BackupsUnknown { .. }
        | Blocker::HistoryShort { .. }
        | Blocker::MajorityBehind { .. }
        | Blocker::FeaturesDiffer { .. }
        | Blocker::SlotLost { .. } => true,
    }
}

fn stands_in_the_way_of_the_end(blocker: &Blocker) -> bool {
    match blocker {
        Blocker::NoSinglePrimary { primaries, .. } => *primaries > 0,
        Blocker::LedByOther { .. }
        | Blocker::ReplayPaused { .. }
        | Blocker::ViewsDisagree { .. }
        | Blocker::Stranger { .. }
        | Blocker::SlotsUncovered { .. }
        | Blocker::MigrationRunning { .. } => true,
        Blocker::SnapshotRunning { .. }
        | Blocker::RoleNotKept { .. }
        | Blocker::TransactionOpen { .. }
        | Blocker::TransactionPrepared { .. }
        | Blocker::SlotNotCarried { .. }
        | Blocker::SlotLost { .. }
        | Blocker::Busy { .. }
        | Blocker::WritesLocked { .. }
        | Blocker::BackupsUnknown { .. }
        | Blocker::HistoryShort { .. }
        | Blocker::MajorityBehind { .. }
        | Blocker::FeaturesDiffer { .. }
        | Blocker::Unsettled(_)
        | Blocker::BackupRunning { .. } => false,
    }
}
