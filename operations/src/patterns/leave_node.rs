//! Leave node: no member stays on a node that is about to go.
//!
//! Replicas leave first, and for a reason of its own: when every copy of a group is on the node, the replica that has
//! left is the successor that lets its primary leave too. Primaries switch over to a member elsewhere, then leave. The
//! node is cordoned before the first row, so nobody comes back to it. A group is given back only where the database's own
//! configuration would have its old primary, now elsewhere, take it back by itself.

use super::{Gate, Kind, Pattern, Row, UNFINISHED};

/// The table.
#[rustfmt::skip]
pub(crate) const LEAVE_NODE: Pattern = Pattern {
    name: "leave-node",
    //      act                   only while                                         going back
    each_unfinished: UNFINISHED,
    first: &[],
    each_replica: &[
        Row(Kind::Replace,        &[Gate::EveryoneElseInSync, Gate::JudgeAllows],    "none needed"),
    ],
    each_primary: &[
        Row(Kind::Switchover,       &[Gate::EveryoneInSync, Gate::JudgeAllows],        "switchover"),
        Row(Kind::Route,          &[],                                               "the next switchover"),
        Row(Kind::Replace,        &[Gate::EveryoneElseInSync, Gate::JudgeAllows],    "none needed"),
    ],
    each_restored: &[
        Row(Kind::Switchover,       &[Gate::EveryoneInSync, Gate::JudgeAllows],        "switchover"),
        Row(Kind::Route,          &[],                                               "the next switchover"),
    ],
    each_added: &[],
    last: &[],
};
