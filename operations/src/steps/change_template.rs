//! # What it does
//! Changes the pod template and waits until the StatefulSet controller has created a revision of it. Under `OnDelete` no
//! pod changes because of that.
//! # Safe to repeat because
//! The second time the template contains the change already.
//! # Undo
//! `kubectl stateful rollback` puts the old image back, as long as no member with a newer release is the primary.
//! # Gives up when
//! The API server refuses the patch, or the controller creates no new revision within the step's deadline.

use std::fmt::{Display, Formatter, Result};

use serde::{Deserialize, Serialize};
use stateful_cluster::changes::rollout::TemplateChange;
use stateful_safety::Reason;

use super::{RowContext, Situation, StepRules, StepStatus};
use crate::action::Action;
use crate::{Goal, Snapshot};

/// Change the pod template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeTemplate {
    /// The change.
    pub change: TemplateChange,
}

impl ChangeTemplate {
    /// Whether the template contains the change.
    fn is_made(&self, snapshot: &Snapshot) -> bool {
        match &self.change {
            TemplateChange::Image { container, image } => {
                *container == snapshot.workload.container && *image == snapshot.workload.image
            }
            TemplateChange::Restart { at } => snapshot.workload.restarted_at.as_ref() == Some(at),
        }
    }

    /// Whether the controller has made a revision of the template that contains the change.
    pub(crate) fn is_visible(&self, snapshot: &Snapshot) -> bool {
        self.is_made(snapshot) && !snapshot.workload.declared_revision.is_empty()
    }
}

impl StepRules for ChangeTemplate {
    fn fill(row: &RowContext<'_>) -> Option<Self> {
        match row.goal {
            Goal::Upgrade { change, .. } => change.clone().map(|change| Self { change }),
            Goal::EvacuateNode { .. } | Goal::Switchover { .. } | Goal::Finalize { .. } => None,
        }
    }

    fn status(&self, situation: &Situation<'_>) -> StepStatus {
        if self.is_visible(situation.snapshot) {
            StepStatus::Done
        } else if self.is_made(situation.snapshot) {
            StepStatus::Running("the controller has not made a revision of the new template yet".to_owned())
        } else {
            StepStatus::Pending
        }
    }

    fn reasons_against(&self, _situation: &Situation<'_>) -> Vec<Reason> {
        Vec::new()
    }

    fn action(&self, _snapshot: &Snapshot) -> Option<Action> {
        Some(Action::ChangeTemplate(self.change.clone()))
    }

    fn needs_on_delete(&self) -> bool {
        false
    }
}

impl Display for ChangeTemplate {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.change {
            TemplateChange::Image { container, image } => {
                write!(f, "set the image of container {container} to {image}")
            }
            TemplateChange::Restart { .. } => f.write_str("mark the template for a restart"),
        }
    }
}
