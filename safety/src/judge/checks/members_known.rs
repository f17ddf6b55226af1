//! Is what would be touched a member at all? A pod that the servers do not list cannot be judged.

use crate::judge::check_input::CheckInput;
use crate::judge::disruption::Disruption;
use crate::reasons::Reason;

/// Refuses what names a member no assessment knows.
pub(crate) fn members_known(input: &CheckInput<'_>) -> Vec<Reason> {
    let (taken, moved) = match input.disruption {
        Disruption::Take { members } => (members.as_slice(), None),
        Disruption::Switchover { from, to } | Disruption::FinishSwitchover { from, to } => {
            ([].as_slice(), Some([from, to]))
        }
    };
    taken
        .iter()
        .chain(moved.into_iter().flatten())
        .filter(|member| input.assessment.group_of(member).is_none())
        .map(|member| Reason::NotAMember { member: member.clone() })
        .collect()
}
