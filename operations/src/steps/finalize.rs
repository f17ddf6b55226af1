//! # What it does
//! Lets the data make use of the features of the release that every member runs (MongoDB:
//! `setFeatureCompatibilityVersion`), and waits until all members say so.
//! # Safe to repeat because
//! Where it is so already there is nothing to do; where it was broken off, the same command goes on with it.
//! # Undo
//! None. Servers of the release before cannot open the data any more: a backup of before is the only way back.
//! # Gives up when
//! A member runs another release, the engine refused three times, or the step's deadline passes.

use stateful_safety::{Reason, Version};

use crate::Look;
use crate::steps::Standing;

pub(super) fn standing(release: &Version, look: &Look) -> Standing {
    match &look.assessment.feature_release {
        None => Standing::Acted("the members are on their way to another release's features".to_owned()),
        Some(features) if features.is_older_release_than(release, look.workload.engine) => Standing::Open,
        Some(_) => Standing::Settled,
    }
}

/// Members that do not run that release, and so could not follow any more.
pub(super) fn refused(release: &Version, look: &Look) -> Vec<Reason> {
    let members = look.assessment.groups.iter().flat_map(|group| &group.members);
    let runs = |version: &Version| !version.is_another_release_than(release, look.workload.engine);
    let others = members.filter(|member| !member.version.as_ref().is_some_and(runs));
    others
        .map(|member| Reason::ReleasesMixed {
            member: member.name.clone(),
            version: member.version.clone(),
            release: release.clone(),
        })
        .collect()
}
