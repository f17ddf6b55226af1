//! THINK. The rollback of an upgrade, and whether it is possible.

mod restore;

pub use restore::{BlockedRollback, NoBackup, RestorePlan, RestoreStep, restore_plan};
use stateful_cluster::changes::rollout::TemplateChange;
use stateful_safety::{Policy, Reason, Version, VersionSkew};

use crate::journal::Entry;
use crate::{Goal, Plan, Refusal, Snapshot, Surge, plan_remaining};

/// Whether a plan changed the image: only then is there something to go back on.
pub fn changes_image(plan: &Plan) -> bool {
    matches!(&plan.goal, Goal::Upgrade { change: Some(TemplateChange::Image { .. }), .. })
}

/// The goal of a rollback: the image before the upgrade, a broken member first. `container` is the one whose image it is.
pub fn rollback_goal(entry: &Entry, container: &str) -> Goal {
    let image = entry.plan.origin.image.clone();
    let change = Some(TemplateChange::Image { container: container.to_owned(), image });
    Goal::Upgrade { change, restore_primaries: false, repair: true, surge: surge_of_rollback(entry) }
}

/// The extra replica of an operation that is still open is removed. An operation that has ended has removed it already, and its
/// rollback adds one again: a single server has no other member to switch over to.
fn surge_of_rollback(entry: &Entry) -> Surge {
    match (&entry.plan.goal, entry.state.is_open()) {
        (Goal::Upgrade { surge: Surge::Add | Surge::Withdraw, .. }, true) => Surge::Withdraw,
        (Goal::Upgrade { surge: Surge::Add, .. }, false) => Surge::Add,
        (
            Goal::Upgrade { surge: Surge::No | Surge::Withdraw, .. }
            | Goal::EvacuateNode { .. }
            | Goal::Switchover { .. }
            | Goal::Finalize { .. },
            _,
        ) => Surge::No,
    }
}

/// Why the old image cannot come back at all, where that is so. A switchover that was interrupted is finished first: as long as
/// a group has no primary, clients wait, and whether the old image can come back is not known.
pub fn why_no_rollback(entry: &Entry, goal: &Goal, snapshot: &Snapshot, policy: &Policy) -> Option<Reason> {
    match plan_remaining(entry, goal, snapshot, policy) {
        Err(Refusal::Unsafe(reasons)) => find_rollback_block(&reasons).cloned(),
        Ok(_) | Err(Refusal::Nothing(_)) => None,
    }
}

/// Whether `rollback` has something to go back to once a plan has ended: the plan changes the image, and no member runs a
/// release whose files the image before could not read.
pub(crate) fn may_be_rolled_back(plan: &Plan, snapshot: Option<&Snapshot>) -> bool {
    let before = &plan.origin.image;
    let changes = matches!(&plan.goal, Goal::Upgrade { change: Some(TemplateChange::Image { image, .. }), .. } if image != before);
    let groups = snapshot.iter().flat_map(|snapshot| &snapshot.assessment.groups);
    // A plan of an engine that this build does not have: whether a rollback is possible is not known.
    let Some(engine) = stateful_engines::find_profile(plan.engine.as_str()) else { return false };
    let newer =
        |version: &Version| Version::of_image(before).is_some_and(|old| old.is_older_release_than(version, engine));
    changes && !groups.flat_map(|group| &group.members).filter_map(|member| member.version.as_ref()).any(newer)
}

/// Of the reasons against a rollback, the one that neither waiting nor repairing helps against: the old image cannot read what
/// is on the members' disks.
pub fn find_rollback_block(reasons: &[Reason]) -> Option<&Reason> {
    reasons.iter().find(|reason| match reason {
        Reason::Release(skew) => match skew {
            VersionSkew::FilesTooNew { .. }
            | VersionSkew::AnotherRelease { .. }
            | VersionSkew::ReleaseSkipped { .. }
            | VersionSkew::OlderSuccessor { .. } => true,
            VersionSkew::NotFinalized { .. } | VersionSkew::ReleasesMixed { .. } => false,
        },
        _ => false,
    })
}
