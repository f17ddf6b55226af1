//! THINK. Whether commits are made to wait for a standby for the duration, and what people should know of it.

use stateful_safety::{Role, SyncReplication};

use crate::surge::Added;
use crate::{Goal, Snapshot};

/// With fewer standbys one that is away, as each must be once, would leave nobody to wait for: every commit would hang.
const STANDBYS: usize = 2;

/// Whether commits wait for nobody, and are made to wait.
pub(crate) fn begins(snapshot: &Snapshot, added: Option<&Added>) -> bool {
    is_asynchronous(snapshot) && standbys(snapshot, added) >= STANDBYS
}

/// Whether a rule of the duration is in somebody's configuration now.
pub(crate) const fn is_to_end(snapshot: &Snapshot) -> bool {
    matches!(snapshot.assessment.synchrony, SyncReplication::ForTheDuration | SyncReplication::LeftBehind)
}

const fn is_asynchronous(snapshot: &Snapshot) -> bool {
    matches!(snapshot.assessment.synchrony, SyncReplication::Asynchronous | SyncReplication::LeftBehind)
}

/// Standbys in sync, and the one that will be by then.
fn standbys(snapshot: &Snapshot, added: Option<&Added>) -> usize {
    let members = snapshot.assessment.groups.iter().flat_map(|group| &group.members);
    let in_sync = members.filter(|member| member.role == Role::Replica && snapshot.is_well(&member.name)).count();
    let comes = added.is_some_and(|added| !added.is_withdrawn && !added.is_there() && added.is_or_may_be());
    in_sync + usize::from(comes)
}

/// What a plan that takes members away says of it.
pub(crate) fn notes(goal: &Goal, snapshot: &Snapshot, begins: bool, added: Option<&Added>) -> Vec<String> {
    let renews = matches!(goal, Goal::Upgrade { .. });
    if begins {
        vec![
            "each commit waits until one standby has it, for as long as this lasts: as much slower as a standby is far; ended \
             half-way, resume and abort both put it back"
                .to_owned(),
        ]
    } else if renews && is_asynchronous(snapshot) {
        vec![format!(
            "commits wait for nobody, and stay so: with {} standbys in sync, and not {STANDBYS}, they would hang while one is \
             away; a primary that dies suddenly loses what no standby has yet (--surge makes it one more)",
            standbys(snapshot, added)
        )]
    } else {
        Vec::new()
    }
}
