//! # What it does
//! Lets the data use the features of the release that every member runs, and waits until all members report that it does.
//! # Safe to repeat because
//! Where the data uses them already there is nothing to do; where it was interrupted, the same command continues it.
//! # Undo
//! None. Servers of the release before cannot open the data any more: a backup from before is the only way back.
//! # Gives up when
//! A member runs another release, the engine refused three times, or the step's deadline passes.

use std::fmt::{Display, Formatter, Result};

use serde::{Deserialize, Serialize};
use stateful_safety::{Blocks, Passes, Reason, Version, VersionSkew};

use super::{RowContext, Situation, StepRules, StepStatus};
use crate::action::Action;
use crate::{Goal, Snapshot};

/// Let the data use the features of the release that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finalize {
    /// The release.
    pub release: Version,
}

impl StepRules for Finalize {
    fn fill(row: &RowContext<'_>) -> Option<Self> {
        match row.goal {
            Goal::Finalize { release } => Some(Self { release: release.clone() }),
            Goal::Upgrade { .. } | Goal::EvacuateNode { .. } | Goal::Switchover { .. } => None,
        }
    }

    fn status(&self, situation: &Situation<'_>) -> StepStatus {
        let snapshot = situation.snapshot;
        match &snapshot.assessment.feature_release {
            // The change is under way, and the client that began it may be gone: asked once more, the servers continue it.
            None => StepStatus::Pending,
            Some(features) if features.is_older_release_than(&self.release, snapshot.workload.engine) => {
                StepStatus::Pending
            }
            Some(_) => StepStatus::Done,
        }
    }

    /// What is the matter with the database, except for what this step ends itself; that it is a part of a sharded cluster,
    /// which is finalized as a whole; and members that do not run that release, and so could not follow any more.
    fn reasons_against(&self, situation: &Situation<'_>) -> Vec<Reason> {
        let (Situation { snapshot, policy, .. }, release) = (*situation, &self.release);
        let members = snapshot.assessment.groups.iter().flat_map(|group| &group.members);
        let runs = |version: &Version| !version.is_another_release_than(release, snapshot.workload.engine);
        let others = members.filter(|member| !member.version.as_ref().is_some_and(runs));
        let mut reasons = snapshot.reasons_not_in_sync(policy, None);
        reasons.retain(|reason| !is_ended_by_finalize(reason));
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

    fn action(&self, _snapshot: &Snapshot) -> Option<Action> {
        Some(Action::Finalize(self.release.clone()))
    }

    fn needs_on_delete(&self) -> bool {
        false
    }
}

impl Display for Finalize {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "make release {} final", self.release)
    }
}

/// Whether a reason stands only because a finalize was interrupted: this step continues it.
pub(crate) fn is_ended_by_finalize(reason: &Reason) -> bool {
    matches!(reason, Reason::Blocked(blocker) if blocker.effect.passes == Passes::ByFinalize)
}
