//! The plan: immutable data, made from one snapshot by a pure function.

pub(crate) mod affected_members;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use stateful_safety::{EngineName, Member, Role, Rollout, Version, WorkloadId};

use crate::steps::Step;
use crate::{Goal, Origin, Snapshot};

/// What an operation will do, and what was observed when that was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The format of this data; a reader that knows only older ones refuses it.
    pub format: u32,
    /// The workload.
    pub workload: WorkloadId,
    /// Its StatefulSet's UID.
    pub uid: String,
    /// Its engine.
    pub engine: EngineName,
    /// How its members are related.
    pub topology: String,
    /// What is wanted.
    pub goal: Goal,
    /// The pattern's name.
    pub pattern: String,
    /// The StatefulSet as it was before the operation began.
    pub origin: Origin,
    /// The template's image when this plan was made.
    pub image: String,
    /// The members as they were observed.
    pub members: Vec<SeenMember>,
    /// What is done, in this order.
    pub steps: Vec<Step>,
    /// The step from which on the old image cannot come back, if the plan has one.
    pub boundary: Option<usize>,
    /// What people should know of it beside the steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A member as it was observed when a plan was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenMember {
    /// The pod's name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Its group.
    pub group: String,
    /// Its role.
    pub role: Role,
    /// Its server's version.
    pub version: Option<Version>,
    /// Its node.
    pub node: Option<String>,
}

/// What has changed since a plan was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the plan no longer fits: {0}")]
pub struct PlanOutdated(pub String);

impl Plan {
    /// The format written today.
    pub const FORMAT: u32 = 1;

    /// A short name for exactly this plan.
    pub fn hash(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        let digest = Sha256::digest(text.as_bytes());
        digest.iter().take(5).fold(String::new(), |name, byte| name + &format!("{byte:02x}"))
    }

    /// Whether the database is still as it was when this plan was made; asked after every prompt and of every file.
    pub fn still_fits(&self, snapshot: &Snapshot) -> Result<(), PlanOutdated> {
        if self.format != Self::FORMAT {
            let format = self.format;
            return Err(PlanOutdated(format!("its format is {format}, this version reads {}", Self::FORMAT)));
        }
        if self.uid != snapshot.workload.uid {
            return Err(PlanOutdated(format!("{} was deleted and made anew", self.workload)));
        }
        if self.image != snapshot.workload.image {
            let (before, now) = (&self.image, &snapshot.workload.image);
            return Err(PlanOutdated(format!("the template's image was {before} and is {now}")));
        }
        let now = observed_members(snapshot);
        for member in &self.members {
            let name = &member.name;
            match now.iter().find(|other| &other.name == name) {
                None => return Err(PlanOutdated(format!("{name} is gone"))),
                Some(other) if other.uid != member.uid => {
                    return Err(PlanOutdated(format!("the pod {name} is another one")));
                }
                Some(other) if other.role != member.role => {
                    return Err(PlanOutdated(format!("{name} was {}, it is {}", member.role, other.role)));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// What becomes of a plan while it is carried out.
impl Plan {
    /// Why the rest must be planned again after this step: it changed the template, and a member that the plan would still
    /// move turns out to run the new revision already. Which members are outdated is known only once the controller has
    /// made a revision; going back to a template that was there before finds members that need not move.
    pub(crate) fn moves_current_member(&self, index: usize, snapshot: &Snapshot) -> Option<String> {
        let left = matches!(self.steps[index], Step::ChangeTemplate(_)).then(|| &self.steps[index + 1..])?;
        let is_current =
            |name: &str| snapshot.workload.member(name).is_some_and(|pod| snapshot.workload.is_current(pod));
        let current = left.iter().filter_map(Step::removed_member).find(|member| is_current(member))?;
        Some(format!("{current} runs what the template declares already"))
    }

    /// Whether a step relies on pods being replaced by this tool alone, and another client (the controller of a Git
    /// repository, for example) has set the update strategy back: then the StatefulSet controller replaces pods by ordinal.
    pub(crate) fn has_lost_on_delete(&self, index: usize, snapshot: &Snapshot) -> bool {
        matches!(self.goal, Goal::Upgrade { .. })
            && self.steps[index].needs_on_delete()
            && snapshot.workload.rollout != Rollout::OnDelete
    }

    /// What is left from a step on, beginning with `OnDelete` again: at once, since every moment without it may cost a
    /// primary.
    pub(crate) fn hold_again(&self, index: usize) -> Self {
        let mut steps = vec![Step::HoldRollout];
        steps.extend_from_slice(&self.steps[index..]);
        let boundary = self.boundary.and_then(|boundary| boundary.checked_sub(index)).map(|boundary| boundary + 1);
        Self { steps, boundary, ..self.clone() }
    }
}

/// The members as a snapshot shows them.
pub(crate) fn observed_members(snapshot: &Snapshot) -> Vec<SeenMember> {
    let member = |member: &Arc<Member>| {
        let state = snapshot.assessment.member(&member.name);
        SeenMember {
            name: member.name.clone(),
            uid: member.uid.clone(),
            group: snapshot.assessment.group_of(&member.name).map(|group| group.name.clone()).unwrap_or_default(),
            role: state.map_or(Role::Unknown, |state| state.role),
            version: state.and_then(|state| state.version.clone()),
            node: member.node.clone(),
        }
    };
    snapshot.workload.members.iter().map(member).collect()
}
