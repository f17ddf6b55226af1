//! Is the database in the middle of something? Resharding, two primaries, members that disagree: nothing is moved then.

use crate::judge::check_input::CheckInput;
use crate::judge::disruption::Disruption;
use crate::model::{Blocker, Blocks, UnfinishedSwitchover};
use crate::reasons::Reason;

/// Refuses on every blocker that matters to the disruption.
pub(crate) fn engine_idle(input: &CheckInput<'_>) -> Vec<Reason> {
    let blockers = input.assessment.blockers.iter();
    blockers.filter(|blocker| matters(blocker, input.disruption)).cloned().map(Reason::Blocked).collect()
}

/// What stands in the way of an upgrade or of making a release final is asked about by those operations; moving a member to
/// another node, or the lead to another member, is free of it.
fn matters(blocker: &Blocker, disruption: &Disruption) -> bool {
    let is_its_member = |name: &String| Some(name) == blocker.member.as_ref();
    match disruption {
        Disruption::FinishSwitchover { .. } => blocker.effect.unfinished == UnfinishedSwitchover::Blocked,
        Disruption::Switchover { .. } => match blocker.effect.blocks {
            Blocks::Everything | Blocks::Switchover | Blocks::SwitchoverAndItsMember | Blocks::AllButItsMember => true,
            Blocks::Upgrade | Blocks::Finalize => false,
        },
        Disruption::Take { members } => match blocker.effect.blocks {
            Blocks::Everything => true,
            Blocks::SwitchoverAndItsMember => members.iter().any(is_its_member),
            Blocks::AllButItsMember => !(members.len() == 1 && members.iter().all(is_its_member)),
            Blocks::Switchover | Blocks::Upgrade | Blocks::Finalize => false,
        },
    }
}
