//! # What it does
//! Lets the data make use of the features of the release that every member runs, and waits until all members say so.
//! # Safe to repeat because
//! Where it is so already there is nothing to do; where it was broken off, the same command goes on with it.
//! # Undo
//! None. Servers of the release before cannot open the data any more: a backup of before is the only way back.
//! # Gives up when
//! A member runs another release, the engine refused three times, or the step's deadline passes.

use stateful_safety::{Blocks, Passes, Policy, Reason, Version, VersionSkew};

use crate::Snapshot;
use crate::steps::StepStatus;

pub(super) fn standing(release: &Version, snapshot: &Snapshot) -> StepStatus {
    match &snapshot.assessment.feature_release {
        // On their way, and perhaps nobody is behind it any more: told once more, they go on.
        None => StepStatus::Pending,
        Some(features) if features.is_older_release_than(release, snapshot.workload.engine) => StepStatus::Pending,
        Some(_) => StepStatus::Done,
    }
}

/// What is the matter with the database, but for what this step ends itself; that it is a part of something larger, which is
/// made final as a whole; and members that do not run that release, and
/// so could not follow any more.
pub(super) fn refused(release: &Version, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
    let members = snapshot.assessment.groups.iter().flat_map(|group| &group.members);
    let runs = |version: &Version| !version.is_another_release_than(release, snapshot.workload.engine);
    let others = members.filter(|member| !member.version.as_ref().is_some_and(runs));
    let mut reasons = snapshot.not_whole(policy, None);
    reasons.retain(|reason| !is_ended_by_it(reason));
    reasons.extend(snapshot.assessment.blockers_of(Blocks::Finalize).cloned().map(Reason::Blocked));
    reasons.extend(others.map(|member| {
        Reason::Release(VersionSkew::ReleasesMixed {
            member: member.name.clone(),
            version: member.version.clone(),
            release: release.clone(),
        })
    }));
    reasons
}

/// Broken off half-way, it is this step that goes on with it.
pub(crate) fn is_ended_by_it(reason: &Reason) -> bool {
    matches!(reason, Reason::Blocked(blocker) if blocker.effect.passes == Passes::ByFinalize)
}
