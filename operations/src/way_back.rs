//! THINK. The way back from an upgrade, and whether there is one.

use stateful_cluster::TemplateChange;
use stateful_safety::{Misfit, Policy, Reason};

use crate::journal::Entry;
use crate::{Goal, Look, Plan, Refusal, Surge, draw_up_left};

/// Whether a plan changed the image: only then is there something to go back on.
pub fn changes_image(plan: &Plan) -> bool {
    matches!(&plan.goal, Goal::Renew { change: Some(TemplateChange::Image { .. }), .. })
}

/// The image before the upgrade, a broken member first. `container` is the one whose image it is.
pub fn way_back(entry: &Entry, container: &str) -> Goal {
    let image = entry.plan.origin.image.clone();
    let change = Some(TemplateChange::Image { container: container.to_owned(), image });
    Goal::Renew { change, restore_primaries: false, repair: true, surge: back(entry) }
}

/// What an operation that is still open has added goes. One that has ended has taken it away, and goes back as it came: a single
/// server has nobody else to hand over to.
fn back(entry: &Entry) -> Surge {
    match (&entry.plan.goal, entry.state.is_open()) {
        (Goal::Renew { surge: Surge::Add | Surge::Withdraw, .. }, true) => Surge::Withdraw,
        (Goal::Renew { surge: Surge::Add, .. }, false) => Surge::Add,
        (
            Goal::Renew { surge: Surge::No | Surge::Withdraw, .. }
            | Goal::Leave { .. }
            | Goal::Lead { .. }
            | Goal::Finalize { .. },
            _,
        ) => Surge::No,
    }
}

/// Why the old image cannot come back at all, where that is so. A handover that somebody left in its pause is ended first: as
/// long as nobody leads, there is no telling and something better to do.
pub fn no_way_back(entry: &Entry, goal: &Goal, look: &Look, policy: &Policy) -> Option<Reason> {
    match draw_up_left(entry, goal, look, policy) {
        Err(Refusal::Unsafe(reasons)) => closes(&reasons).cloned(),
        Ok(_) | Err(Refusal::Nothing(_)) => None,
    }
}

/// Of the reasons against a way back, the one that no waiting and no mending helps against: the old image cannot read what is on
/// the members' disks.
pub fn closes(reasons: &[Reason]) -> Option<&Reason> {
    reasons.iter().find(|reason| match reason {
        Reason::Release(misfit) => match misfit {
            Misfit::FilesTooNew { .. }
            | Misfit::AnotherRelease { .. }
            | Misfit::ReleaseSkipped { .. }
            | Misfit::OlderSuccessor { .. } => true,
            Misfit::NotFinalized { .. } | Misfit::ReleasesMixed { .. } => false,
        },
        _ => false,
    })
}
