//! Everything observed at one moment; what plans are made from and gates are judged on.

use stateful_safety::{
    Assessment, Blocks, Disruption, JudgeInput, Member, MemberState, Millis, Policy, Reason, Role, Sync, Workload,
};

/// A workload as Kubernetes and its own servers describe it, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// When it was taken.
    pub at: Millis,
    /// What Kubernetes says.
    pub workload: Workload,
    /// What the servers say.
    pub assessment: Assessment,
}

impl Snapshot {
    fn judge_input(&self) -> JudgeInput<'_> {
        JudgeInput { workload: &self.workload, assessment: Some(&self.assessment), promised: &[] }
    }

    /// The judge's reasons against a disruption, at the moment of this snapshot.
    pub fn reasons_against(&self, policy: &Policy, disruption: &Disruption) -> Vec<Reason> {
        stateful_safety::judge(policy, self.judge_input(), disruption, self.at).reasons().to_vec()
    }

    /// Reasons why a member, apart from `except`, is not there or not in sync.
    pub fn reasons_not_in_sync(&self, policy: &Policy, except: Option<&str>) -> Vec<Reason> {
        stateful_safety::everyone_in_sync(policy, self.judge_input(), except, self.at)
    }

    /// The reasons against an upgrade and against nothing else that the user has not accepted.
    pub fn reasons_against_upgrade(&self, policy: &Policy) -> Vec<Reason> {
        let met = self.assessment.blockers_of(Blocks::Upgrade).cloned().map(Reason::Blocked);
        met.filter(|reason| !(reason.may_be_accepted() && policy.accepted.contains(reason.code()))).collect()
    }

    /// A member as Kubernetes and as its server describe it.
    pub fn member(&self, name: &str) -> Option<(&Member, &MemberState)> {
        Some((self.workload.member(name)?, self.assessment.member(name)?))
    }

    /// A member's state in each group that it is in.
    fn states(&self, name: &str) -> impl Iterator<Item = &MemberState> {
        self.assessment.groups.iter().filter_map(move |group| group.member(name))
    }

    /// Whether a member is the primary of a group.
    pub fn leads(&self, name: &str) -> bool {
        self.states(name).any(|state| state.role == Role::Primary)
    }

    /// Whether a member is there, ready and in sync. One that is not may be repaired by being replaced.
    pub fn is_well(&self, name: &str) -> bool {
        self.workload.member(name).is_some_and(|pod| pod.ready && !pod.terminating) && self.is_in_sync(name)
    }

    /// Whether a member streams from the primary of each group that it is in, or is the primary.
    pub fn is_in_sync(&self, name: &str) -> bool {
        let mut states = self.states(name).peekable();
        states.peek().is_some() && states.all(|state| matches!(state.sync, Sync::InSync { .. }))
    }
}
