//! # What it does
//! Changes the pod template and waits until the StatefulSet controller has made a revision of it. Under `OnDelete` no
//! pod changes by that alone.
//! # Safe to repeat because
//! The template says so already the second time.
//! # Undo
//! `kubectl stateful rollback` puts the old image back, as long as no newer primary leads.
//! # Gives up when
//! The API server refuses, or the controller shows no new revision within the step's deadline.

use stateful_cluster::TemplateChange;

use crate::Look;
use crate::steps::Standing;

pub(super) fn standing(change: &TemplateChange, look: &Look) -> Standing {
    let done = match change {
        TemplateChange::Image { container, image } => {
            *container == look.workload.container && *image == look.workload.image
        }
        TemplateChange::Restart { at } => look.workload.restarted_at.as_ref() == Some(at),
    };
    if !done {
        Standing::Open
    } else if look.workload.declared_revision.is_empty() {
        Standing::Acted("the controller has not made a revision of the new template yet".to_owned())
    } else {
        Standing::Settled
    }
}
