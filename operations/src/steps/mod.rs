//! Steps: what a plan is made of. A file each, with the same questions answered in its head: what it does, why it is
//! safe to repeat, how it is undone, when it gives up.

mod add_member;
mod begin_temporary_sync;
mod change_template;
mod end_temporary_sync;
mod finalize;
mod finish_switchover;
mod hold_rollout;
mod release_rollout;
mod remove_member;
mod replace;
mod route;
mod switchover;

pub(crate) use finalize::is_ended_by_it;
pub(crate) use replace::needs_replacing;
use serde::{Deserialize, Serialize};
use stateful_cluster::changes::rollout::TemplateChange;
use stateful_safety::{Policy, Reason, Rollout, Version};

use crate::{Goal, Snapshot};

/// One step of a plan: data, so that it can be printed, saved and resumed elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Take the decision when pods change away from the StatefulSet controller.
    HoldRollout,
    /// Change the pod template.
    ChangeTemplate {
        /// How.
        change: TemplateChange,
    },
    /// Let commits wait for a standby, where they wait for nobody.
    #[serde(rename = "beginSynchrony")]
    BeginTemporarySync,
    /// Declare a member more, and wait until it is in sync.
    AddMember {
        /// The member.
        member: String,
        /// How many are declared then.
        replicas: usize,
    },
    /// Take a replica's pod away and wait until its successor is in sync.
    Replace {
        /// The member.
        member: String,
    },
    /// Make another member lead.
    #[serde(rename = "handOver")]
    Switchover {
        /// The group, for people.
        group: String,
        /// Who leads.
        from: String,
        /// Who is to lead.
        to: String,
    },
    /// End a switchover that was begun, while nobody leads.
    #[serde(rename = "finishHandOver")]
    FinishSwitchover {
        /// The group, for people.
        group: String,
        /// Who led before it.
        from: String,
        /// Who was to lead.
        to: String,
    },
    /// Lead clients to whoever leads now.
    Route {
        /// The Services.
        services: Vec<String>,
        /// The member they should lead to.
        to: String,
    },
    /// Declare as many as before, so that the member that was added goes.
    RemoveMember {
        /// The member.
        member: String,
        /// How many are declared then.
        replicas: usize,
    },
    /// Give the decision back.
    ReleaseRollout {
        /// The strategy as it was.
        before: Rollout,
    },
    /// Let commits wait for nobody again.
    #[serde(rename = "endSynchrony")]
    EndTemporarySync,
    /// Let the data make use of the features of the release that runs.
    Finalize {
        /// The release.
        release: Version,
    },
}

/// How far a step has come, judged by looking, never by remembering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StepStatus {
    /// Nothing of it is done.
    Pending,
    /// It is under way; what is waited for.
    Running(String),
    /// It is so.
    Done,
    /// What it was planned for has changed: it no longer fits.
    Stale(String),
}

/// A thing done to the world; each is harmless when done twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Let the engine have commits wait for a standby.
    BeginTemporarySync,
    /// Let the engine put that back.
    EndTemporarySync,
    /// Put the StatefulSet on `OnDelete`.
    Hold,
    /// Patch the template.
    ChangeTemplate(TemplateChange),
    /// Declare so many members, one more than there are.
    Add {
        /// The number.
        replicas: usize,
    },
    /// Declare so many members, one fewer than there are: the pod of that name and UID, of the highest ordinal, goes.
    Remove {
        /// The pod.
        member: String,
        /// Its UID.
        uid: String,
        /// The number.
        replicas: usize,
    },
    /// Evict the pod of that name and UID.
    Evict {
        /// The pod.
        member: String,
        /// Its UID.
        uid: String,
    },
    /// Let the engine switch over.
    Switchover {
        /// Who leads.
        from: String,
        /// Who is to lead.
        to: String,
    },
    /// Point Services at a member.
    Route {
        /// The Services.
        services: Vec<String>,
        /// The member.
        to: String,
    },
    /// Restore the StatefulSet's strategy.
    Release(Rollout),
    /// Let the engine make a release final.
    Finalize(Version),
}

impl Step {
    /// How far it has come.
    pub(crate) fn standing(&self, goal: &Goal, snapshot: &Snapshot, policy: &Policy) -> StepStatus {
        match self {
            Self::HoldRollout => hold_rollout::standing(snapshot),
            Self::ChangeTemplate { change } => change_template::standing(change, snapshot),
            Self::AddMember { member, replicas } => add_member::standing(member, *replicas, goal, snapshot, policy),
            Self::RemoveMember { member, replicas } => remove_member::standing(member, *replicas, snapshot, policy),
            Self::Replace { member } => replace::standing(member, goal, snapshot, policy),
            Self::Switchover { group, from, to } => switchover::standing(group, from, to, snapshot, policy),
            Self::FinishSwitchover { group, from: _, to } => finish_switchover::standing(group, to, snapshot),
            Self::Route { services, to } => route::standing(services, to, snapshot),
            Self::ReleaseRollout { before } => release_rollout::standing(*before, snapshot),
            Self::Finalize { release } => finalize::standing(release, snapshot),
            Self::BeginTemporarySync => begin_temporary_sync::standing(snapshot),
            Self::EndTemporarySync => end_temporary_sync::standing(snapshot),
        }
    }

    /// The judge's reasons against what it does to the database; a step that does nothing to it has none.
    pub(crate) fn refused(&self, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
        match self {
            Self::Replace { member } | Self::RemoveMember { member, .. } => replace::refused(member, snapshot, policy),
            Self::Switchover { from, to, .. } => switchover::refused(from, to, snapshot, policy),
            Self::FinishSwitchover { from, to, .. } => finish_switchover::refused(from, to, snapshot, policy),
            Self::Finalize { release } => finalize::refused(release, snapshot, policy),
            Self::HoldRollout
            | Self::BeginTemporarySync
            | Self::EndTemporarySync
            | Self::ChangeTemplate { .. }
            | Self::AddMember { .. }
            | Self::Route { .. }
            | Self::ReleaseRollout { .. } => Vec::new(),
        }
    }

    /// What is to be done, on the world as it was seen; `None` when there is nothing to do it to.
    pub fn act(&self, snapshot: &Snapshot) -> Option<Act> {
        match self {
            Self::HoldRollout => Some(Act::Hold),
            Self::ChangeTemplate { change } => Some(Act::ChangeTemplate(change.clone())),
            Self::AddMember { replicas, .. } => Some(Act::Add { replicas: *replicas }),
            Self::RemoveMember { member, replicas } => {
                let uid = snapshot.workload.member(member)?.uid.clone();
                Some(Act::Remove { member: member.clone(), uid, replicas: *replicas })
            }
            Self::Replace { member } => {
                let uid = snapshot.workload.member(member)?.uid.clone();
                Some(Act::Evict { member: member.clone(), uid })
            }
            // One and the same to the engine, which sees by itself how far it has come.
            Self::Switchover { from, to, .. } | Self::FinishSwitchover { from, to, .. } => {
                Some(Act::Switchover { from: from.clone(), to: to.clone() })
            }
            Self::Route { services, to } => Some(Act::Route { services: services.clone(), to: to.clone() }),
            Self::ReleaseRollout { before } => Some(Act::Release(*before)),
            Self::Finalize { release } => Some(Act::Finalize(release.clone())),
            Self::BeginTemporarySync => Some(Act::BeginTemporarySync),
            Self::EndTemporarySync => Some(Act::EndTemporarySync),
        }
    }

    /// The member it takes away: that one's trouble is this step's.
    pub(crate) fn subject(&self) -> Option<&str> {
        match self {
            Self::Replace { member } | Self::RemoveMember { member, .. } => Some(member),
            Self::HoldRollout
            | Self::BeginTemporarySync
            | Self::EndTemporarySync
            | Self::ChangeTemplate { .. }
            | Self::AddMember { .. }
            | Self::Switchover { .. }
            | Self::FinishSwitchover { .. }
            | Self::Route { .. }
            | Self::Finalize { .. }
            | Self::ReleaseRollout { .. } => None,
        }
    }
}

impl Step {
    /// The member whose new pod it waits for.
    pub(crate) fn awaited(&self) -> Option<&str> {
        match self {
            Self::AddMember { member, .. } | Self::Replace { member } => Some(member),
            Self::HoldRollout
            | Self::BeginTemporarySync
            | Self::EndTemporarySync
            | Self::ChangeTemplate { .. }
            | Self::RemoveMember { .. }
            | Self::Switchover { .. }
            | Self::FinishSwitchover { .. }
            | Self::Route { .. }
            | Self::Finalize { .. }
            | Self::ReleaseRollout { .. } => None,
        }
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::HoldRollout => write!(f, "hold the rollout (OnDelete)"),
            Self::ChangeTemplate { change: TemplateChange::Image { container, image } } => {
                write!(f, "set the image of container {container} to {image}")
            }
            Self::ChangeTemplate { change: TemplateChange::Restart { .. } } => {
                write!(f, "mark the template for a restart")
            }
            Self::AddMember { member, replicas } => write!(f, "add {member} (scale to {replicas})"),
            Self::RemoveMember { member, replicas } => write!(f, "remove {member} (scale back to {replicas})"),
            Self::Replace { member } => write!(f, "replace {member}"),
            Self::Switchover { group, from, to } => write!(f, "switch over {group} from {from} to {to}"),
            Self::FinishSwitchover { group, from, to } => {
                write!(f, "finish switching over {group} from {from} to {to}, then see what is left")
            }
            Self::Route { services, to } => write!(f, "lead service {} to {to}", services.join(", ")),
            Self::Finalize { release } => write!(f, "make release {release} final"),
            Self::BeginTemporarySync => write!(f, "let commits wait for a standby (synchronous_standby_names)"),
            Self::EndTemporarySync => write!(f, "let commits wait for nobody again, as before"),
            Self::ReleaseRollout { before: Rollout::OnDelete } => write!(f, "leave the rollout on OnDelete, as it was"),
            Self::ReleaseRollout { before: Rollout::RollingUpdate { .. } } => {
                write!(f, "release the rollout (RollingUpdate)")
            }
        }
    }
}
