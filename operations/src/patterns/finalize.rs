//! Finalize: an upgrade to another release is made final.
//!
//! Until then servers of the release before can open the data, so that is the way back; it is left to people when to give it
//! up, days after the upgrade if they like. Every member runs the new release by then, or it could not follow.

use super::{Gate, Kind, Pattern, Row, UNFINISHED};

/// The table.
#[rustfmt::skip]
pub(crate) const FINALIZE: Pattern = Pattern {
    name: "finalize",
    //      act                   only while                                         going back
    each_unfinished: UNFINISHED,
    first: &[
        Row(Kind::Finalize,       &[Gate::JudgeAllows],                              "none: older servers cannot open the data any more"),
    ],
    each_replica: &[],
    each_primary: &[],
    each_restored: &[],
    each_added: &[],
    last: &[],
};
