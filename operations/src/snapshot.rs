//! Everything seen at one moment; what plans are drawn from and gates are judged on.

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
    fn known(&self) -> JudgeInput<'_> {
        JudgeInput { workload: &self.workload, assessment: Some(&self.assessment), promised: &[] }
    }

    /// The judge's reasons against a disruption, at the moment of this look.
    pub fn against(&self, policy: &Policy, disruption: &Disruption) -> Vec<Reason> {
        stateful_safety::judge(policy, self.known(), disruption, self.at).reasons().to_vec()
    }

    /// Reasons why not everybody, apart from `except`, is there and in sync.
    pub fn not_whole(&self, policy: &Policy, except: Option<&str>) -> Vec<Reason> {
        stateful_safety::everyone_in_sync(policy, self.known(), except, self.at)
    }

    /// What stands in the way of an upgrade and of nothing else, and has not been accepted.
    pub fn against_upgrade(&self, policy: &Policy) -> Vec<Reason> {
        let met = self.assessment.blockers_of(Blocks::Upgrade).cloned().map(Reason::Blocked);
        met.filter(|reason| !(reason.may_be_accepted() && policy.accepted.contains(reason.code()))).collect()
    }

    /// A member by both accounts.
    pub fn member(&self, name: &str) -> Option<(&Member, &MemberState)> {
        Some((self.workload.member(name)?, self.assessment.member(name)?))
    }

    /// Whether a member leads its group.
    pub fn leads(&self, name: &str) -> bool {
        self.assessment.member(name).is_some_and(|state| state.role == Role::Primary)
    }

    /// Whether a member is there, ready and in sync. One that is not may be mended by being replaced.
    pub fn is_well(&self, name: &str) -> bool {
        self.workload.member(name).is_some_and(|pod| pod.ready && !pod.terminating) && self.streams(name)
    }

    /// Whether a member streams from its primary, or is one.
    pub fn streams(&self, name: &str) -> bool {
        self.assessment.member(name).is_some_and(|state| matches!(state.sync, Sync::InSync { .. }))
    }
}
