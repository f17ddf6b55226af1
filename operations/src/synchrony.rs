//! THINK. Whether commits are made to wait for a standby for the duration, and what people should know of it.

use stateful_safety::{Role, Synchrony};

use crate::surge::Added;
use crate::{Goal, Look};

/// With fewer standbys one that is away, as each must be once, would leave nobody to wait for: every commit would hang.
const STANDBYS: usize = 2;

/// Whether commits wait for nobody, and are made to wait.
pub(crate) fn begins(look: &Look, added: Option<&Added>) -> bool {
    is_asynchronous(look) && standbys(look, added) >= STANDBYS
}

/// Whether a rule of the duration is in somebody's configuration now.
pub(crate) const fn is_to_end(look: &Look) -> bool {
    matches!(look.assessment.synchrony, Synchrony::ForTheDuration | Synchrony::LeftBehind)
}

const fn is_asynchronous(look: &Look) -> bool {
    matches!(look.assessment.synchrony, Synchrony::Asynchronous | Synchrony::LeftBehind)
}

/// Standbys in sync, and the one that will be by then.
fn standbys(look: &Look, added: Option<&Added>) -> usize {
    let members = look.assessment.groups.iter().flat_map(|group| &group.members);
    let in_sync = members.filter(|member| member.role == Role::Replica && look.is_well(&member.name)).count();
    let comes = added.is_some_and(|added| !added.is_withdrawn && !added.is_there() && added.is_or_may_be());
    in_sync + usize::from(comes)
}

/// What a plan that takes members away says of it.
pub(crate) fn notes(goal: &Goal, look: &Look, begins: bool, added: Option<&Added>) -> Vec<String> {
    let renews = matches!(goal, Goal::Renew { .. });
    if begins {
        vec![
            "each commit waits until one standby has it, for as long as this lasts: as much slower as a standby is far; ended \
             half-way, resume and abort both put it back"
                .to_owned(),
        ]
    } else if renews && is_asynchronous(look) {
        vec![format!(
            "commits wait for nobody, and stay so: with {} standbys in sync, and not {STANDBYS}, they would hang while one is \
             away; a primary that dies suddenly loses what no standby has yet (--surge makes it one more)",
            standbys(look, added)
        )]
    } else {
        Vec::new()
    }
}
