//! Patterns: how a goal is reached, as tables. A new pattern is a new table and a row in [`Pattern::of`].

mod finalize;
mod leave_node;
mod rolling_replace;
mod rolling_surge;
mod switchover;

use serde::{Deserialize, Serialize};
use stateful_safety::{Policy, Reason};

use crate::goal::{Goal, Surge};
use crate::steps::Step;
use crate::{Plan, Snapshot};

pub(crate) use finalize::FINALIZE;
pub(crate) use leave_node::LEAVE_NODE;
pub(crate) use rolling_replace::ROLLING_REPLACE;
pub(crate) use rolling_surge::ROLLING_SURGE;
pub(crate) use switchover::SWITCHOVER;

/// A way to a goal.
#[derive(Debug)]
pub struct Pattern {
    /// Its name, in plans, documents and metrics.
    pub name: &'static str,
    /// Done alone, where a switchover was begun and nobody leads; the rest is drawn up after it.
    pub each_unfinished: &'static [Row],
    /// Done once, first.
    pub first: &'static [Row],
    /// Done for each replica that must move, one after another, by group.
    pub each_replica: &'static [Row],
    /// Done for each primary that must move, one group after another, when all replicas are done.
    pub each_primary: &'static [Row],
    /// Done for each group whose primary was to be restored.
    pub each_restored: &'static [Row],
    /// Done for the member that was added, when everybody else is done: the switchover only if it leads.
    pub each_added: &'static [Row],
    /// Done once, at the end.
    pub last: &'static [Row],
}

/// A row of a pattern: `act | only while | going back`.
#[derive(Debug)]
pub struct Row(pub Kind, pub &'static [Gate], pub &'static str);

/// What a row does; with names filled in it is a [`Step`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// [`Step::HoldRollout`]
    HoldRollout,
    /// [`Step::ChangeTemplate`]
    ChangeTemplate,
    /// [`Step::AddMember`]
    AddMember,
    /// [`Step::RemoveMember`]
    RemoveMember,
    /// [`Step::Replace`]
    Replace,
    /// [`Step::Switchover`]
    Switchover,
    /// [`Step::FinishSwitchover`]
    FinishSwitchover,
    /// [`Step::Route`]
    Route,
    /// [`Step::ReleaseRollout`]
    ReleaseRollout,
    /// [`Step::Finalize`]
    Finalize,
    /// [`Step::BeginTemporarySync`]
    BeginTemporarySync,
    /// [`Step::EndTemporarySync`]
    EndTemporarySync,
}

/// What must be so on a fresh look, just before a row acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Gate {
    /// Every member there, ready, in sync, and of one mind with the others.
    EveryoneInSync,
    /// The same, apart from the member the row is about: one that is broken already may be replaced.
    EveryoneElseInSync,
    /// The judge, the same one the guard asks, finds no reason against it.
    JudgeAllows,
    /// Of a sharded cluster: it moves no data between its shards, or whoever runs this accepts that it may.
    BalancerOff,
    /// Every member runs the declared revision: the controller, given the decision back, has nothing to replace.
    EveryoneCurrent,
}

/// How every pattern begins where somebody died in a switchover: clients wait, so it comes before all else. Nobody is in sync
/// then, so the judge alone is asked: does really nobody lead?
#[rustfmt::skip]
pub(crate) const UNFINISHED: &[Row] = &[
    //  act                       only while                                         going back
    Row(Kind::FinishSwitchover,     &[Gate::JudgeAllows],                              "none: one of the two leads then"),
];

impl Gate {
    /// The reasons why it is shut.
    pub(crate) fn shut(self, step: &Step, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
        match self {
            Self::EveryoneInSync => snapshot.not_whole(policy, None),
            Self::EveryoneElseInSync => snapshot.not_whole(policy, step.subject()),
            Self::JudgeAllows => step.refused(snapshot, policy),
            Self::BalancerOff => snapshot.against_upgrade(policy),
            Self::EveryoneCurrent => {
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
            Self::EveryoneInSync => "everyone is in sync",
            Self::EveryoneElseInSync => "everyone else is in sync",
            Self::JudgeAllows => "the judge allows it",
            Self::BalancerOff => "no balancer moves data",
            Self::EveryoneCurrent => "everyone runs the declared revision",
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
    pub(crate) fn row(&self, step: &Step) -> Option<&'static Row> {
        let kind = match step {
            Step::HoldRollout => Kind::HoldRollout,
            Step::ChangeTemplate { .. } => Kind::ChangeTemplate,
            Step::AddMember { .. } => Kind::AddMember,
            Step::RemoveMember { .. } => Kind::RemoveMember,
            Step::Replace { .. } => Kind::Replace,
            Step::Switchover { .. } => Kind::Switchover,
            Step::FinishSwitchover { .. } => Kind::FinishSwitchover,
            Step::Route { .. } => Kind::Route,
            Step::ReleaseRollout { .. } => Kind::ReleaseRollout,
            Step::Finalize { .. } => Kind::Finalize,
            Step::BeginTemporarySync => Kind::BeginTemporarySync,
            Step::EndTemporarySync => Kind::EndTemporarySync,
        };
        let middle = [self.each_replica, self.each_primary, self.each_restored, self.each_added];
        let parts = [self.each_unfinished, self.first].into_iter().chain(middle).chain([self.last]);
        parts.flatten().find(|row| row.0 == kind)
    }
}

/// Every reason why a step of a plan must not be done now. A step no table knows is never done.
pub(crate) fn shut(plan: &Plan, step: &Step, snapshot: &Snapshot, policy: &Policy) -> Option<Vec<Reason>> {
    let row = Pattern::of(&plan.goal).row(step)?;
    let mut reasons: Vec<Reason> = Vec::new();
    for reason in row.1.iter().flat_map(|gate| gate.shut(step, snapshot, policy)) {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    Some(reasons)
}
