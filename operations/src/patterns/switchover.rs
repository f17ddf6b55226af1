//! Switchover: another member leads.

use super::{Gate, Kind, Pattern, Row, UNFINISHED};

/// The table.
#[rustfmt::skip]
pub(crate) const SWITCHOVER: Pattern = Pattern {
    name: "switchover",
    //      act                   only while                                         going back
    each_unfinished: UNFINISHED,
    first: &[],
    each_replica: &[],
    each_primary: &[
        Row(Kind::Switchover,       &[Gate::EveryoneInSync, Gate::JudgeAllows],        "switchover"),
        Row(Kind::Route,          &[],                                               "the next switchover"),
    ],
    each_restored: &[],
    each_added: &[],
    last: &[],
};
