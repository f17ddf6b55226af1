//! Finalize: an upgrade to another release is made final.
//!
//! Until then servers of the release before can open the data, so that is the way back. Users decide when to give it up, days
//! after the upgrade if they like. By then every member runs the new release, or it could not follow any more.

use super::{FINISH_INTERRUPTED, Gate, Pattern, Row, StepKind};

/// The table.
#[rustfmt::skip]
pub(crate) const FINALIZE: Pattern = Pattern {
    name: "finalize",
    //      step                    only while            going back
    each_interrupted: FINISH_INTERRUPTED,
    first: &[
        Row(StepKind::Finalize, &[Gate::JudgeAllows], "none: older servers cannot open the data any more"),
    ],
    each_replica: &[],
    each_primary: &[],
    each_restored: &[],
    surge_replica: &[],
    last: &[],
};
