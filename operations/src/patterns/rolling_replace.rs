//! Rolling replace: every member runs the declared template, replicas first, and no acknowledged write is lost.
//!
//! Replicas before primaries, because a replica that follows a newer primary may not understand it, while a newer
//! replica follows an older primary. One member at a time in the whole database, so that any one failure meanwhile
//! still finds every other member in place. The first member that starts a newer release is the boundary: until then the
//! old image can come back, after it only forward (Redis: an older server cannot load the files a newer one wrote). A part of
//! a sharded cluster is touched only while nothing moves between its shards.
//!
//! Where commits wait for no standby (an asynchronous PostgreSQL) they wait for one meanwhile: with members away and roles
//! on the move a sudden death is likelier, and no acknowledged write may be lost by an upgrade.

use super::{FINISH_INTERRUPTED, Gate, Pattern, Row, StepKind};

/// The table.
#[rustfmt::skip]
pub(crate) const ROLLING_REPLACE: Pattern = Pattern {
    name: "rolling-replace",
    //      step                              only while                                                   going back
    each_interrupted: FINISH_INTERRUPTED,
    first: &[
        Row(StepKind::HoldRollout,        &[],                                                         "the last row restores it"),
        Row(StepKind::ChangeTemplate,     &[],                                                         "rollback"),
        Row(StepKind::BeginTemporarySync, &[Gate::AllInSync],                                          "the last row ends it, and abort"),
    ],
    each_replica: &[
        Row(StepKind::ReplaceMember,      &[Gate::OthersInSync, Gate::JudgeAllows, Gate::BalancerOff], "rollback"),
    ],
    each_primary: &[
        Row(StepKind::SwitchOver,         &[Gate::AllInSync, Gate::JudgeAllows, Gate::BalancerOff],    "forward only, if the versions differ"),
        Row(StepKind::RouteClients,       &[],                                                         "the next switchover"),
        Row(StepKind::ReplaceMember,      &[Gate::OthersInSync, Gate::JudgeAllows, Gate::BalancerOff], "forward only, if the versions differ"),
    ],
    each_restored: &[
        Row(StepKind::SwitchOver,         &[Gate::AllInSync, Gate::JudgeAllows],                       "switchover"),
        Row(StepKind::RouteClients,       &[],                                                         "the next switchover"),
    ],
    surge_replica: &[],
    last: &[
        Row(StepKind::EndTemporarySync,   &[Gate::AllInSync],                                          "none needed"),
        Row(StepKind::ReleaseRollout,     &[Gate::AllInSync, Gate::AllCurrent],                        "none needed"),
    ],
};
