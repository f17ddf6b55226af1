//! THINK. The member that is there for the duration: its name, whether it is there, and what people should know of it.

use crate::goal::{Goal, Surge};
use crate::steps::Step;
use crate::{Origin, Snapshot};

/// The member more than were declared when an operation began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Added {
    /// Its name: that of the ordinal after the last.
    pub(crate) name: String,
    /// How many were declared before it.
    pub(crate) before: usize,
    /// How many are declared now.
    declared: usize,
    /// Whether it only goes: the operation that wanted it is gone back on.
    pub(crate) is_withdrawn: bool,
}

impl Added {
    /// That of a goal which has one.
    pub(crate) fn of(goal: &Goal, snapshot: &Snapshot, origin: &Origin) -> Option<Self> {
        let Goal::Upgrade { surge: surge @ (Surge::Add | Surge::Withdraw), .. } = goal else { return None };
        Some(Self {
            name: snapshot.workload.next_after(origin.replicas),
            before: origin.replicas,
            declared: snapshot.workload.replicas,
            is_withdrawn: *surge == Surge::Withdraw,
        })
    }

    /// Whether it is declared, and the last: of more than one nobody knows whose the others are.
    pub(crate) const fn is_there(&self) -> bool {
        self.declared == self.before + 1
    }

    /// Whether it is declared or can be.
    pub(crate) const fn is_or_may_be(&self) -> bool {
        self.is_there() || self.declared == self.before
    }
}

/// What people should know before a member is added or removed: what stays of it, whom it counts for, and who else writes
/// the number of members.
pub(crate) fn notes(steps: &[Step], snapshot: &Snapshot) -> Vec<String> {
    let workload = &snapshot.workload;
    let mut notes = Vec::new();
    for step in steps {
        match step {
            Step::AddMember { member, replicas } => {
                if snapshot.assessment.groups.iter().any(|group| group.write_quorum > 1) {
                    notes.push(format!(
                        "{member} counts for commits only where synchronous_standby_names lists it, or everybody (*)"
                    ));
                }
                if let Some(owner) = &workload.replicas_owner {
                    notes.push(format!(
                        "spec.replicas is written by {owner} as well: let it leave that field alone, or declare {replicas} \
                         there, until this is done; whoever sets it back takes {member} away, whatever its role"
                    ));
                }
            }
            Step::RemoveMember { member, .. } => {
                let claims: Vec<String> =
                    workload.claims.templates.iter().map(|template| format!("{template}-{member}")).collect();
                if claims.is_empty() {
                    continue;
                }
                let (claims, namespace) = (claims.join(" "), &workload.id.namespace);
                notes.push(if workload.claims.deleted_when_scaled {
                    format!("claim {claims} goes with {member}: the StatefulSet says so itself (whenScaled: Delete)")
                } else {
                    format!(
                        "claim {claims} stays behind, for the next time; if you need it no more: kubectl delete pvc \
                         {claims} -n {namespace}"
                    )
                });
            }
            Step::HoldRollout
            | Step::ChangeTemplate { .. }
            | Step::Replace { .. }
            | Step::Switchover { .. }
            | Step::FinishSwitchover { .. }
            | Step::Route { .. }
            | Step::Finalize { .. }
            | Step::BeginTemporarySync
            | Step::EndTemporarySync
            | Step::ReleaseRollout { .. } => {}
        }
    }
    notes
}
