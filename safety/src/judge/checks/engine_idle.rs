//! Is the database in the middle of something? Resharding, two primaries, members that disagree: nothing is moved then.

use crate::judge::check_input::CheckInput;
use crate::judge::disruption::Disruption;
use crate::model::{Blocker, Blocks, UnfinishedSwitchover};
use crate::reasons::Reason;

/// Refuses on every blocker that matters to the disruption.
pub(crate) fn engine_idle(input: &CheckInput<'_>) -> Vec<Reason> {
    let blockers = input.assessment.blockers.iter();
    blockers.filter(|blocker| matters(blocker, input)).cloned().map(Reason::Blocked).collect()
}

/// What stands in the way of an upgrade or of making a release final is asked about by those operations; moving a member to
/// another node, or the lead to another member, is free of it.
fn matters(blocker: &Blocker, input: &CheckInput<'_>) -> bool {
    let is_its_member = |name: &String| Some(name) == blocker.member.as_ref();
    match input.disruption {
        Disruption::FinishSwitchover { .. } => blocker.effect.unfinished == UnfinishedSwitchover::Blocked,
        Disruption::Switchover { .. } => match blocker.effect.blocks {
            Blocks::Everything | Blocks::Switchover | Blocks::SwitchoverAndItsMember | Blocks::AllButItsMember => true,
            Blocks::Upgrade | Blocks::Finalize => false,
        },
        Disruption::Take { members } => match blocker.effect.blocks {
            Blocks::Everything => true,
            Blocks::SwitchoverAndItsMember => members.iter().any(is_its_member),
            Blocks::AllButItsMember => !(members.len() == 1 && members.iter().all(is_its_member)),
            Blocks::Switchover => keeps_primary(blocker, input, members),
            Blocks::Upgrade | Blocks::Finalize => false,
        },
    }
}

/// Whether it keeps a primary among these members for ever: a primary goes by a switchover, and it will never let that happen.
/// "Switch over first" would be advice that is refused.
fn keeps_primary(blocker: &Blocker, input: &CheckInput<'_>, taken: &[String]) -> bool {
    let leads = |name: &String| {
        input.assessment.groups.iter().any(|group| group.primary().is_some_and(|primary| primary.name == *name))
    };
    !blocker.effect.passes.may_pass() && taken.iter().any(leads)
}
