//! THINK. The extra replica of `upgrade --surge`: its name, and whether it is there.

use super::{Goal, Origin, Surge};
use crate::Snapshot;

/// The one member more than were declared when an operation began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SurgeReplica {
    /// Its name: that of the ordinal after the last.
    pub(crate) name: String,
    /// How many members were declared before it.
    pub(crate) before: usize,
    /// How many members are declared now.
    declared: usize,
    /// Whether it is only removed: the operation that added it is being rolled back.
    pub(crate) is_withdrawn: bool,
}

impl SurgeReplica {
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

    /// Whether it is declared. With more than one extra member, another client has scaled too, and it is not known which
    /// of them is ours.
    pub(crate) const fn is_there(&self) -> bool {
        self.declared == self.before + 1
    }

    /// Whether it is declared or can be.
    pub(crate) const fn is_or_may_be(&self) -> bool {
        self.is_there() || self.declared == self.before
    }
}
