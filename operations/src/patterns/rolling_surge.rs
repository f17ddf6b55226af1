//! Rolling surge: rolling replace, with a member more for the duration.
//!
//! The member is added when the template is the new one and before anybody is touched: it is the first to run what all will
//! run, and while another is away the database has as many copies, and commits as many standbys, as before. It is avoided as
//! a successor, so that roles move once; where it leads all the same it switches over before it goes, since scaling back takes
//! the highest ordinal, whatever its role. One that is broken goes first in a rollback: it holds back everybody else.

use super::{Gate, Kind, Pattern, Row, UNFINISHED};

/// The table.
#[rustfmt::skip]
pub(crate) const ROLLING_SURGE: Pattern = Pattern {
    name: "rolling-surge",
    //      act                   only while                                                           going back
    each_unfinished: UNFINISHED,
    first: &[
        Row(Kind::HoldRollout,    &[],                                                                 "the last row restores it"),
        Row(Kind::ChangeTemplate, &[],                                                                 "rollback"),
        Row(Kind::AddMember,      &[],                                                                 "rollback removes it"),
        Row(Kind::BeginTemporarySync, &[Gate::EveryoneInSync],                                             "the last row ends it, and abort"),
    ],
    each_replica: &[
        Row(Kind::Replace,        &[Gate::EveryoneElseInSync, Gate::JudgeAllows, Gate::BalancerOff],   "rollback"),
    ],
    each_primary: &[
        Row(Kind::Switchover,       &[Gate::EveryoneInSync, Gate::JudgeAllows, Gate::BalancerOff],       "forward only, if the versions differ"),
        Row(Kind::Route,          &[],                                                                 "the next switchover"),
        Row(Kind::Replace,        &[Gate::EveryoneElseInSync, Gate::JudgeAllows, Gate::BalancerOff],   "forward only, if the versions differ"),
    ],
    each_restored: &[
        Row(Kind::Switchover,       &[Gate::EveryoneInSync, Gate::JudgeAllows],                          "switchover"),
        Row(Kind::Route,          &[],                                                                 "the next switchover"),
    ],
    each_added: &[
        Row(Kind::Switchover,       &[Gate::EveryoneInSync, Gate::JudgeAllows],                          "switchover"),
        Row(Kind::Route,          &[],                                                                 "the next switchover"),
        Row(Kind::RemoveMember,   &[Gate::EveryoneElseInSync, Gate::JudgeAllows],                      "kubectl scale: its claim is kept"),
    ],
    last: &[
        Row(Kind::EndTemporarySync,   &[Gate::EveryoneInSync],                                             "none needed"),
        Row(Kind::ReleaseRollout, &[Gate::EveryoneInSync, Gate::EveryoneCurrent],                      "none needed"),
    ],
};
