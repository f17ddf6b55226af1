//! THINK. Whether commits are made to wait for a standby while an operation runs, and what people should know of it.

use stateful_safety::{Role, SyncReplication};

use super::Goal;
use super::surge::SurgeReplica;
use crate::Snapshot;

/// With fewer standbys, one that is away, as each must be once, would leave none to wait for: every commit would hang.
const STANDBYS: usize = 2;

/// Whether commits wait for no standby, and are made to wait for one.
pub(crate) fn begins(snapshot: &Snapshot, surge: Option<&SurgeReplica>) -> bool {
    is_asynchronous(snapshot) && standbys(snapshot, surge) >= STANDBYS
}

/// Whether a member's configuration has the temporary rule now.
pub(crate) const fn is_to_end(snapshot: &Snapshot) -> bool {
    matches!(snapshot.assessment.synchrony, SyncReplication::ForTheDuration | SyncReplication::LeftBehind)
}

const fn is_asynchronous(snapshot: &Snapshot) -> bool {
    matches!(snapshot.assessment.synchrony, SyncReplication::Asynchronous | SyncReplication::LeftBehind)
}

/// Standbys in sync, and the extra replica that will be by then.
fn standbys(snapshot: &Snapshot, surge: Option<&SurgeReplica>) -> usize {
    let members = snapshot.assessment.groups.iter().flat_map(|group| &group.members);
    let in_sync = members.filter(|member| member.role == Role::Replica && snapshot.is_well(&member.name)).count();
    let comes = surge.is_some_and(|surge| !surge.is_withdrawn && !surge.is_there() && surge.is_or_may_be());
    in_sync + usize::from(comes)
}

/// What a plan that takes members away says of it.
pub(crate) fn notes(goal: &Goal, snapshot: &Snapshot, begins: bool, surge: Option<&SurgeReplica>) -> Vec<String> {
    let upgrades = matches!(goal, Goal::Upgrade { .. });
    if begins {
        vec![
            "each commit waits until one standby has it, for as long as this lasts: as much slower as a standby is far; ended \
             half-way, resume and abort both put it back"
                .to_owned(),
        ]
    } else if upgrades && is_asynchronous(snapshot) {
        vec![format!(
            "commits wait for no standby, and stay so: with {} standbys in sync, and not {STANDBYS}, they would hang while one is \
             away; a primary that dies suddenly loses what no standby has yet (--surge makes it one more)",
            standbys(snapshot, surge)
        )]
    } else {
        Vec::new()
    }
}
