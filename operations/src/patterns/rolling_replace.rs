//! Rolling replace: every member runs the declared template, replicas first, nobody's writes lost.
//!
//! Replicas before primaries, because a replica that follows a newer primary may not understand it, while a newer
//! replica follows an older primary. One member at a time in the whole database, so that any one failure meanwhile
//! still finds everybody else in place. The first member that starts a newer release is the boundary: until then the
//! old image can come back, after it only forward (Redis: an older server cannot load the files a newer one wrote). A part of
//! a sharded cluster is touched only while nothing moves between its shards.
//!
//! Where commits wait for nobody (an asynchronous PostgreSQL) they wait for one standby meanwhile: with members away and roles
//! on the move a sudden death is likelier, and nobody should lose an acknowledged write by an upgrade.

use super::{Gate, Kind, Pattern, Row, UNFINISHED};

/// The table.
#[rustfmt::skip]
pub(crate) const ROLLING_REPLACE: Pattern = Pattern {
    name: "rolling-replace",
    //      act                   only while                                                           going back
    each_unfinished: UNFINISHED,
    first: &[
        Row(Kind::HoldRollout,    &[],                                                                 "the last row restores it"),
        Row(Kind::ChangeTemplate, &[],                                                                 "rollback"),
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
    each_added: &[],
    last: &[
        Row(Kind::EndTemporarySync,   &[Gate::EveryoneInSync],                                             "none needed"),
        Row(Kind::ReleaseRollout, &[Gate::EveryoneInSync, Gate::EveryoneCurrent],                      "none needed"),
    ],
};
