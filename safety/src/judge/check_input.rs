//! What a check is told: all it may decide on.

use crate::judge::disruption::Disruption;
use crate::model::{Assessment, MemberState, Policy, ReplicaGroup, Sync, Workload};

/// What a check is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CheckInput<'a> {
    /// The limits.
    pub policy: &'a Policy,
    /// The workload as Kubernetes has it.
    pub workload: &'a Workload,
    /// What the engine reported.
    pub assessment: &'a Assessment,
    /// Members that count as gone already.
    pub promised: &'a [String],
    /// What is about to be done.
    pub disruption: &'a Disruption,
}

impl<'a> CheckInput<'a> {
    /// The members the disruption takes away; a switchover takes none.
    pub(crate) fn taken(&self) -> &'a [String] {
        match self.disruption {
            Disruption::Take { members } => members,
            Disruption::Switchover { .. } | Disruption::FinishSwitchover { .. } => &[],
        }
    }

    /// Whether a member is or will be gone: taken now, allowed to be evicted before, or being deleted.
    pub(crate) fn is_gone(&self, member: &str) -> bool {
        self.taken().iter().chain(self.promised).any(|gone| gone == member) || self.is_leaving(member)
    }

    /// Whether a member's pod is being deleted. Its server may go on answering until its grace period is over.
    pub(crate) fn is_leaving(&self, member: &str) -> bool {
        self.workload.member(member).is_some_and(|pod| pod.terminating)
    }

    /// Whether the disruption takes nothing from a group that is not missing already: pods in which no server ever ran,
    /// while another member is seen leading. What the group lacks, it lacks with them and without.
    pub(crate) fn takes_nothing_from(&self, group: &ReplicaGroup) -> bool {
        let mut taken = group.members.iter().filter(|member| self.taken().contains(&member.name)).peekable();
        taken.peek().is_some() && taken.all(|member| self.runs_nothing(&member.name)) && group.primary().is_some()
    }

    /// Whether no server runs in a member's pod, by both accounts: Kubernetes says that none ever did, and none answers. Both
    /// are of the same look; where they contradict each other, one of them is wrong.
    fn runs_nothing(&self, member: &str) -> bool {
        let never_started = self.workload.member(member).is_some_and(|pod| pod.never_started && !pod.ready);
        let silent = |state: &MemberState| matches!(state.sync, Sync::Unreachable { .. });
        never_started && self.assessment.member(member).is_some_and(silent)
    }

    /// The groups the disruption takes from or moves. Finishing a switchover does neither: no member leads there, so none is
    /// in sync and no write is acknowledged, and that is what it ends.
    pub(crate) fn touched_groups(&self) -> impl Iterator<Item = &'a ReplicaGroup> {
        let disruption = self.disruption;
        self.assessment.groups.iter().filter(move |group| {
            let is_in = |member: &String| group.member(member).is_some();
            match disruption {
                Disruption::Take { members } => members.iter().any(is_in),
                Disruption::Switchover { from, to } => is_in(from) || is_in(to),
                Disruption::FinishSwitchover { .. } => false,
            }
        })
    }
}
