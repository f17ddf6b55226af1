//! Rolling surge: rolling replace, with an extra replica for the duration.
//!
//! The extra replica is added after the template has changed and before any other member is touched: it is the first to run
//! the new template, and while another member is away the database has as many copies, and commits as many standbys, as
//! before. Planning avoids it as a successor, so that roles move once. Where it is a primary all the same, it switches over
//! before it goes, since scaling back takes the highest ordinal, whatever its role. An extra replica that is broken goes first
//! in a rollback, because no other member may be touched while one is broken.

use super::{FINISH_INTERRUPTED, Gate, Pattern, Row, StepKind};

/// The table.
#[rustfmt::skip]
pub(crate) const ROLLING_SURGE: Pattern = Pattern {
    name: "rolling-surge",
    //      step                              only while                                                   going back
    each_interrupted: FINISH_INTERRUPTED,
    first: &[
        Row(StepKind::HoldRollout,        &[],                                                         "the last row restores it"),
        Row(StepKind::ChangeTemplate,     &[],                                                         "rollback"),
        Row(StepKind::AddMember,          &[],                                                         "rollback removes it"),
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
    surge_replica: &[
        Row(StepKind::SwitchOver,         &[Gate::AllInSync, Gate::JudgeAllows],                       "switchover"),
        Row(StepKind::RouteClients,       &[],                                                         "the next switchover"),
        Row(StepKind::RemoveMember,       &[Gate::OthersInSync, Gate::JudgeAllows],                    "kubectl scale: its claim is kept"),
    ],
    last: &[
        Row(StepKind::EndTemporarySync,   &[Gate::AllInSync],                                          "none needed"),
        Row(StepKind::ReleaseRollout,     &[Gate::AllInSync, Gate::AllCurrent],                        "none needed"),
    ],
};
