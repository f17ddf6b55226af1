//! Switchover: another member becomes the primary of its group.

use super::{FINISH_INTERRUPTED, Gate, Pattern, Row, StepKind};

/// The table.
#[rustfmt::skip]
pub(crate) const SWITCHOVER: Pattern = Pattern {
    name: "switchover",
    //      step                        only while                             going back
    each_interrupted: FINISH_INTERRUPTED,
    first: &[],
    each_replica: &[],
    each_primary: &[
        Row(StepKind::SwitchOver,   &[Gate::AllInSync, Gate::JudgeAllows], "switchover"),
        Row(StepKind::RouteClients, &[],                                   "the next switchover"),
    ],
    each_restored: &[],
    surge_replica: &[],
    last: &[],
};
