//! # What it does
//! Points the Services that led clients to the old primary at the new one. Only for databases where nothing else tells
//! clients who leads: Redis Cluster and Sentinels do that themselves. The switchover has done it already at the moment the
//! successor led; this step is for whoever resumes after dying between the two.
//! # Safe to repeat because
//! A selector set twice is set.
//! # Undo
//! The next switchover leads them back.
//! # Gives up when
//! The API server refuses.

use crate::Snapshot;
use crate::steps::StepStatus;

pub(super) fn standing(services: &[String], to: &str, snapshot: &Snapshot) -> StepStatus {
    if !snapshot.leads(to) {
        return StepStatus::Stale(format!("{to} does not lead any more"));
    }
    let elsewhere =
        |service: &String| snapshot.workload.routes.iter().any(|route| route.service == *service && route.member != to);
    if services.iter().any(elsewhere) { StepStatus::Pending } else { StepStatus::Done }
}
