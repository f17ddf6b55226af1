//! Would writes still be acknowledged? Where a write waits for replicas, one replica too few is an outage with every server
//! up.

use crate::judge::check_input::CheckInput;
use crate::model::MemberState;
use crate::reasons::Reason;

/// Refuses when a group would keep fewer members in sync than a write needs. A switchover takes no member away, and a pod in
/// which no server ever ran is none of those a write waits for: replacing it is how the group gets them back.
pub(crate) fn writes_survive(input: &CheckInput<'_>) -> Vec<Reason> {
    input
        .touched_groups()
        .filter(|group| !input.takes_nothing_from(group))
        .filter_map(|group| {
            let counts = |member: &&MemberState| member.counts_for_writes() && !input.is_gone(&member.name);
            let left = group.members.iter().filter(counts).count();
            (left < group.write_quorum).then(|| Reason::WritesWouldStop {
                group: group.name.clone(),
                left,
                needed: group.write_quorum,
                engine: input.workload.engine,
            })
        })
        .collect()
}
