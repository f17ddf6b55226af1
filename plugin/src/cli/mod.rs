//! What the verbs' command lines share: kubectl's client flags, the flags of every operation, and how values are written.

mod dry_run;
mod globals;
mod label_requirement;
mod operation_flags;
mod quantities;

pub(crate) use dry_run::{DryRun, DryRunFlag};
pub(crate) use globals::{ColorWhen, Globals, Output};
pub(crate) use label_requirement::{LabelRequirement, label_requirement};
pub(crate) use operation_flags::{Confirm, OperationArgs, OperationFlags, PolicyFlags, ProgressMode, TargetArgs};
pub(crate) use quantities::duration;
