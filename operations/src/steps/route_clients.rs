//! # What it does
//! Points the Services that led clients to the old primary at the new one. Only for databases where nothing else tells
//! clients which member is the primary: Redis Cluster and Sentinels do that themselves. The switchover has done it already
//! at the moment the successor became the primary; this step is there for an operation that died between the two.
//! # Safe to repeat because
//! Setting a selector that is set already changes nothing.
//! # Undo
//! The next switchover points them back.
//! # Gives up when
//! The API server refuses the patch.

use std::fmt::{Display, Formatter, Result};

use serde::{Deserialize, Serialize};
use stateful_safety::{Reason, ReplicaGroup};

use super::{RowContext, Situation, StepRules, StepStatus};
use crate::Snapshot;
use crate::action::Action;

/// Point Services at the present primary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteClients {
    /// The Services.
    pub services: Vec<String>,
    /// The member that they should lead to.
    pub to: String,
}

impl RouteClients {
    /// Leads the clients of a group to a member, where Services lead them to members by name.
    pub(crate) fn of(snapshot: &Snapshot, group: &ReplicaGroup, to: &str) -> Option<Self> {
        let routes = snapshot.workload.routes.iter().filter(|route| group.member(&route.member).is_some());
        let services: Vec<String> = routes.map(|route| route.service.clone()).collect();
        (!services.is_empty()).then(|| Self { services, to: to.to_owned() })
    }
}

impl StepRules for RouteClients {
    fn fill(row: &RowContext<'_>) -> Option<Self> {
        Self::of(row.snapshot, row.group?, row.successor)
    }

    fn status(&self, situation: &Situation<'_>) -> StepStatus {
        let (Self { services, to }, snapshot) = (self, situation.snapshot);
        if !snapshot.leads(to) {
            return StepStatus::Stale(format!("{to} does not lead any more"));
        }
        let elsewhere = |service: &String| {
            snapshot.workload.routes.iter().any(|route| route.service == *service && route.member != *to)
        };
        if services.iter().any(elsewhere) { StepStatus::Pending } else { StepStatus::Done }
    }

    fn reasons_against(&self, _situation: &Situation<'_>) -> Vec<Reason> {
        Vec::new()
    }

    fn action(&self, _snapshot: &Snapshot) -> Option<Action> {
        Some(Action::RouteClients { services: self.services.clone(), to: self.to.clone() })
    }

    fn needs_on_delete(&self) -> bool {
        false
    }
}

impl Display for RouteClients {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "lead service {} to {}", self.services.join(", "), self.to)
    }
}
