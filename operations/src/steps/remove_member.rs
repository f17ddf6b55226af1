//! # What it does
//! Scales back to the number of members before, so that the extra replica goes: it has the highest ordinal. Its volume claim
//! stays.
//! # Safe to repeat because
//! It scales only while exactly one member more than before is declared, and while the extra replica is not a primary. The
//! patch names the number that was observed, so a number that another client has declared meanwhile stays.
//! # Undo
//! `kubectl scale`: the member comes back with its claim.
//! # Gives up when
//! The judge finds a reason that waiting does not resolve, the API server refuses, or the step's deadline passes. Where the
//! member has become the primary, what is left is planned again, beginning with a switchover.

use std::fmt::{Display, Formatter, Result};

use serde::{Deserialize, Serialize};
use stateful_safety::{Disruption, Reason};

use super::{RowContext, Situation, StepRules, StepStatus};
use crate::Snapshot;
use crate::action::Action;

/// Scale back to the number of members before, so that the member that was added goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveMember {
    /// The member.
    pub member: String,
    /// How many are declared then.
    pub replicas: usize,
}

impl StepRules for RemoveMember {
    fn fill(row: &RowContext<'_>) -> Option<Self> {
        row.surge.map(|surge| Self { member: surge.name.clone(), replicas: surge.before })
    }

    fn status(&self, situation: &Situation<'_>) -> StepStatus {
        let Situation { snapshot, policy, .. } = *situation;
        let (name, declared) = (&self.member, snapshot.workload.replicas);
        if declared == self.replicas {
            return match (snapshot.workload.member(name), snapshot.reasons_not_in_sync(policy, Some(name)).first()) {
                (Some(_), _) => StepStatus::Running(format!("{name} is ending")),
                (None, Some(reason)) => StepStatus::Running(reason.to_string()),
                (None, None) => StepStatus::Done,
            };
        }
        if declared != self.replicas + 1 {
            return StepStatus::Stale(format!("another client has scaled it to {declared}"));
        }
        if snapshot.leads(name) {
            return StepStatus::Stale(format!("{name} has become a primary"));
        }
        StepStatus::Pending
    }

    fn reasons_against(&self, situation: &Situation<'_>) -> Vec<Reason> {
        situation.against(&Disruption::Take { members: vec![self.member.clone()] })
    }

    fn action(&self, snapshot: &Snapshot) -> Option<Action> {
        let uid = snapshot.workload.member(&self.member)?.uid.clone();
        Some(Action::RemoveMember { member: self.member.clone(), uid, replicas: self.replicas })
    }

    fn needs_on_delete(&self) -> bool {
        true
    }

    fn removed_member(&self) -> Option<&str> {
        Some(&self.member)
    }

    /// What becomes of the member's volume claims.
    fn notes(&self, snapshot: &Snapshot) -> Vec<String> {
        let (member, workload) = (&self.member, &snapshot.workload);
        let claims: Vec<String> =
            workload.claims.templates.iter().map(|template| format!("{template}-{member}")).collect();
        if claims.is_empty() {
            return Vec::new();
        }
        let (claims, namespace) = (claims.join(" "), &workload.id.namespace);
        vec![if workload.claims.deleted_when_scaled {
            format!("claim {claims} goes with {member}: the StatefulSet says so itself (whenScaled: Delete)")
        } else {
            format!(
                "claim {claims} stays behind, for the next time; if you need it no more: kubectl delete pvc {claims} -n \
                 {namespace}"
            )
        }]
    }
}

impl Display for RemoveMember {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "remove {} (scale back to {})", self.member, self.replicas)
    }
}
