//! Leave node: no member stays on a node that is about to go.
//!
//! Replicas leave first: when every copy of a group is on the node, the replica that has left is the successor that lets its
//! primary leave too. Each primary switches over to a member elsewhere, then leaves. The node is cordoned before the first
//! row, so no member comes back to it. A primary role is restored only where the database's own configuration would have its
//! old primary, now on another node, take the role back by itself.

use super::{FINISH_INTERRUPTED, Gate, Pattern, Row, StepKind};

/// The table.
#[rustfmt::skip]
pub(crate) const LEAVE_NODE: Pattern = Pattern {
    name: "leave-node",
    //      step                         only while                                going back
    each_interrupted: FINISH_INTERRUPTED,
    first: &[],
    each_replica: &[
        Row(StepKind::ReplaceMember, &[Gate::OthersInSync, Gate::JudgeAllows], "none needed"),
    ],
    each_primary: &[
        Row(StepKind::SwitchOver,    &[Gate::AllInSync, Gate::JudgeAllows],    "switchover"),
        Row(StepKind::RouteClients,  &[],                                      "the next switchover"),
        Row(StepKind::ReplaceMember, &[Gate::OthersInSync, Gate::JudgeAllows], "none needed"),
    ],
    each_restored: &[
        Row(StepKind::SwitchOver,    &[Gate::AllInSync, Gate::JudgeAllows],    "switchover"),
        Row(StepKind::RouteClients,  &[],                                      "the next switchover"),
    ],
    surge_replica: &[],
    last: &[],
};
