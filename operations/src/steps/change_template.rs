//! # What it does
//! Changes the pod template and waits until the StatefulSet controller has made a revision of it. Under `OnDelete` no
//! pod changes by that alone.
//! # Safe to repeat because
//! The template says so already the second time.
//! # Undo
//! `kubectl stateful rollback` puts the old image back, as long as no newer primary leads.
//! # Gives up when
//! The API server refuses, or the controller shows no new revision within the step's deadline.

use stateful_cluster::changes::rollout::TemplateChange;

use crate::Snapshot;
use crate::steps::StepStatus;

pub(super) fn standing(change: &TemplateChange, snapshot: &Snapshot) -> StepStatus {
    let done = match change {
        TemplateChange::Image { container, image } => {
            *container == snapshot.workload.container && *image == snapshot.workload.image
        }
        TemplateChange::Restart { at } => snapshot.workload.restarted_at.as_ref() == Some(at),
    };
    if !done {
        StepStatus::Pending
    } else if snapshot.workload.declared_revision.is_empty() {
        StepStatus::Running("the controller has not made a revision of the new template yet".to_owned())
    } else {
        StepStatus::Done
    }
}
