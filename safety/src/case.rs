//! What a check is told: all it may decide on.

use crate::{Assessment, Disruption, Policy, ReplicaGroup, Workload};

/// What a check is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case<'a> {
    /// The limits.
    pub policy: &'a Policy,
    /// The workload as Kubernetes has it.
    pub workload: &'a Workload,
    /// What the engine reported.
    pub assessment: &'a Assessment,
    /// Members that count as gone already.
    pub promised: &'a [String],
    /// What somebody wants to do.
    pub disruption: &'a Disruption,
}

impl<'a> Case<'a> {
    /// The members the disruption takes away; a handover takes none.
    pub(crate) fn taken(&self) -> &'a [String] {
        match self.disruption {
            Disruption::Take { members } => members,
            Disruption::HandOver { .. } | Disruption::FinishHandOver { .. } => &[],
        }
    }

    /// Whether a member is or will be gone: taken now, promised to somebody before, or on its way out.
    pub(crate) fn is_gone(&self, member: &str) -> bool {
        self.taken().iter().chain(self.promised).any(|gone| gone == member) || self.is_leaving(member)
    }

    /// Whether a member's pod is being deleted. Its server may go on answering until its grace period is over.
    pub(crate) fn is_leaving(&self, member: &str) -> bool {
        self.workload.member(member).is_some_and(|pod| pod.terminating)
    }

    /// The groups the disruption takes from or moves. Finishing a handover does neither: nobody leads there, so nobody is
    /// in sync and no write is acknowledged, and that is what it ends.
    pub(crate) fn touched_groups(&self) -> impl Iterator<Item = &'a ReplicaGroup> {
        let disruption = self.disruption;
        self.assessment.groups.iter().filter(move |group| {
            let is_in = |member: &String| group.member(member).is_some();
            match disruption {
                Disruption::Take { members } => members.iter().any(is_in),
                Disruption::HandOver { from, to } => is_in(from) || is_in(to),
                Disruption::FinishHandOver { .. } => false,
            }
        })
    }
}
