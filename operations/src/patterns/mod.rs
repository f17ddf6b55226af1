//! Patterns: how a goal is reached, as tables. A new pattern is a new table and a row in [`Pattern::of`].

mod finalize;
mod leave_node;
mod rolling_replace;
mod rolling_surge;
mod switchover;

use stateful_safety::Reason;

use crate::goal::{Goal, Surge};
use crate::steps::{Situation, Step, StepKind};

pub(crate) use finalize::FINALIZE;
pub(crate) use leave_node::LEAVE_NODE;
pub(crate) use rolling_replace::ROLLING_REPLACE;
pub(crate) use rolling_surge::ROLLING_SURGE;
pub(crate) use switchover::SWITCHOVER;

/// The order of steps that reaches a goal.
#[derive(Debug)]
pub struct Pattern {
    /// Its name, in plans, documents and metrics.
    pub name: &'static str,
    /// Done alone, where a switchover was interrupted and its group has no primary; the rest is planned after it.
    pub each_interrupted: &'static [Row],
    /// Done once, first.
    pub first: &'static [Row],
    /// Done for each replica that must move, one after another, by group.
    pub each_replica: &'static [Row],
    /// Done for each primary that must move, one group after another, when all replicas are done.
    pub each_primary: &'static [Row],
    /// Done for each group whose primary before the operation is to be the primary again.
    pub each_restored: &'static [Row],
    /// Done for the extra replica, when all other members are done: the switchover only if it is a primary.
    pub surge_replica: &'static [Row],
    /// Done once, at the end.
    pub last: &'static [Row],
}

/// A row of a pattern: `step | only while | going back`.
#[derive(Debug)]
pub struct Row(pub StepKind, pub &'static [Gate], pub &'static str);

/// What must hold on a fresh snapshot, just before a row's step changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Every member is there, ready and in sync, and all agree with each other.
    AllInSync,
    /// The same, apart from the member that the step takes away: one that is broken already may be replaced.
    OthersInSync,
    /// The judge, the same one the guard asks, finds no reason against it.
    JudgeAllows,
    /// Of a sharded cluster: it moves no data between its shards, or the user accepts that it may.
    BalancerOff,
    /// Every member runs the declared revision: the controller, under `RollingUpdate` again, has nothing to replace.
    AllCurrent,
}

/// How every pattern begins where an operation died in a switchover: clients wait, so it comes before all else. No member is
/// in sync then, so the judge alone is asked: does the group really have no primary?
#[rustfmt::skip]
pub(crate) const FINISH_INTERRUPTED: &[Row] = &[
    //  step                        only while            going back
    Row(StepKind::FinishSwitchover, &[Gate::JudgeAllows], "none: one of the two is the primary then"),
];

impl Gate {
    /// The reasons why it is closed; none when it is open.
    fn reasons_against(self, step: &Step, situation: &Situation<'_>) -> Vec<Reason> {
        let Situation { snapshot, policy, .. } = *situation;
        match self {
            Self::AllInSync => snapshot.reasons_not_in_sync(policy, None),
            Self::OthersInSync => snapshot.reasons_not_in_sync(policy, step.removed_member()),
            Self::JudgeAllows => step.reasons_against(situation),
            Self::BalancerOff => snapshot.reasons_against_upgrade(policy),
            Self::AllCurrent => {
                let old = snapshot.workload.members.iter().filter(|member| !snapshot.workload.is_current(member));
                let why = "it does not run the declared revision";
                old.map(|member| Reason::PodNotReady { member: member.name.clone(), why: why.to_owned() }).collect()
            }
        }
    }
}

impl std::fmt::Display for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AllInSync => "all members are in sync",
            Self::OthersInSync => "all other members are in sync",
            Self::JudgeAllows => "the judge allows it",
            Self::BalancerOff => "no balancer moves data",
            Self::AllCurrent => "all members run the declared revision",
        })
    }
}

impl Pattern {
    /// The pattern that reaches a goal.
    pub const fn of(goal: &Goal) -> &'static Self {
        match goal {
            Goal::Upgrade { surge: Surge::No, .. } => &ROLLING_REPLACE,
            Goal::Upgrade { surge: Surge::Add | Surge::Withdraw, .. } => &ROLLING_SURGE,
            Goal::EvacuateNode { .. } => &LEAVE_NODE,
            Goal::Switchover { .. } => &SWITCHOVER,
            Goal::Finalize { .. } => &FINALIZE,
        }
    }

    /// The row a step was made from.
    fn row(&self, step: &Step) -> Option<&'static Row> {
        let middle = [self.each_replica, self.each_primary, self.each_restored, self.surge_replica];
        let parts = [self.each_interrupted, self.first].into_iter().chain(middle).chain([self.last]);
        parts.flatten().find(|row| row.0 == step.kind())
    }

    /// Every reason why a step must not be done now; `None` for a step that this pattern does not have, which is never done.
    pub(crate) fn reasons_against(&self, step: &Step, situation: &Situation<'_>) -> Option<Vec<Reason>> {
        let row = self.row(step)?;
        let mut reasons: Vec<Reason> = Vec::new();
        for reason in row.1.iter().flat_map(|gate| gate.reasons_against(step, situation)) {
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        Some(reasons)
    }
}
