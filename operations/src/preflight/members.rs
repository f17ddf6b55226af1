//! THINK. The checks about members: may each be moved, and is there a successor for each primary?

use stateful_safety::{Disruption, MemberState, Passes, Policy, Reason, ReplicaGroup, Role, Rollout};

use crate::plan::affected_members::moves;
use crate::steps::{AddMember, ReplaceMember, Step, SwitchOver, is_ended_by_finalize};
use crate::{Goal, Plan, Snapshot};

/// An operator (a controller) owns the template and its rollout; it leaves the primary, and the node, to the database.
pub(super) fn no_operator(plan: &Plan, snapshot: &Snapshot, _policy: &Policy) -> Vec<Reason> {
    let upgrades = matches!(plan.goal, Goal::Upgrade { .. });
    let operated = snapshot.workload.operated.clone().filter(|_| upgrades);
    operated.map(|operated| Reason::OperatorRunsIt { operated }).into_iter().collect()
}

/// What an upgrade sets to `OnDelete` for its duration it has to give back.
pub(super) fn rollout_known(plan: &Plan, snapshot: &Snapshot, _policy: &Policy) -> Vec<Reason> {
    match &snapshot.workload.rollout {
        Rollout::Other { strategy } if matches!(plan.goal, Goal::Upgrade { .. }) => {
            vec![Reason::RolloutUnknown { strategy: strategy.clone() }]
        }
        Rollout::Other { .. } | Rollout::OnDelete | Rollout::RollingUpdate { .. } => Vec::new(),
    }
}

/// Which member is the primary, and on which node, does not depend on the balancer of the sharded cluster.
pub(super) fn balancer_off(plan: &Plan, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
    if matches!(plan.goal, Goal::Upgrade { .. }) { snapshot.reasons_against_upgrade(policy) } else { Vec::new() }
}

/// A background save in a forked child ends by itself within seconds and only delays a switchover: the gate waits for it.
pub(super) fn members_well(plan: &Plan, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
    let mut reasons = snapshot.reasons_not_in_sync(policy, repaired(plan, snapshot));
    let finalizes = matches!(plan.goal, Goal::Finalize { .. });
    reasons.retain(|reason| !passes_soon(reason) && (!finalizes || !is_ended_by_finalize(reason)));
    reasons
}

fn passes_soon(reason: &Reason) -> bool {
    matches!(reason, Reason::Blocked(blocker) if blocker.effect.passes == Passes::WithinSeconds)
}

/// The broken member that is repaired by being replaced first.
fn repaired<'a>(plan: &'a Plan, snapshot: &Snapshot) -> Option<&'a str> {
    let first = plan
        .steps
        .iter()
        .find_map(Step::removed_member)
        .filter(|_| matches!(plan.goal, Goal::Upgrade { repair: true, .. }))?;
    (!snapshot.is_well(first)).then_some(first)
}

pub(super) fn replicas_expendable(plan: &Plan, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
    let repaired = repaired(plan, snapshot);
    replaced_members(plan)
        .filter(|member| !snapshot.leads(member))
        .flat_map(|member| {
            let reasons = reasons_against_taking(member, snapshot, policy);
            let reasons = if repaired == Some(member) { reasons } else { lasting_reasons(reasons, repaired) };
            reasons.into_iter().filter(|reason| !is_covered_by_surge(plan, reason))
        })
        .collect()
}

/// An extra replica covers a shortfall of one member; whether it counts is asked again before any member is taken away.
fn is_covered_by_surge(plan: &Plan, reason: &Reason) -> bool {
    let one_short = matches!(reason, Reason::WritesWouldStop { left, needed, .. } if left + 1 >= *needed);
    one_short && added_member(plan).is_some()
}

/// The member a plan adds.
pub(super) fn added_member(plan: &Plan) -> Option<&str> {
    plan.steps.iter().find_map(|step| match step {
        Step::AddMember(AddMember { member, .. }) => Some(member.as_str()),
        _ => None,
    })
}

pub(super) fn joins_by_itself(plan: &Plan, snapshot: &Snapshot, _policy: &Policy) -> Vec<Reason> {
    let why = snapshot.workload.engine.joins_only_after;
    added_member(plan)
        .zip(why)
        .map(|(member, why)| Reason::JoinsNotByItself { member: member.to_owned(), why: why.to_owned() })
        .into_iter()
        .collect()
}

/// Without the reasons that a repair resolves: the broken member is a reason against every step of its group but the one that
/// replaces it. The gates of the other steps ask again once it is repaired.
fn lasting_reasons(mut reasons: Vec<Reason>, repaired: Option<&str>) -> Vec<Reason> {
    reasons.retain(|reason| repaired.is_none() || !reason.may_pass());
    reasons
}

/// Members that are replaced. The extra replica goes when all else is done, and its own gate asks then.
pub(super) fn replaced_members(plan: &Plan) -> impl Iterator<Item = &str> {
    plan.steps.iter().filter_map(|step| match step {
        Step::ReplaceMember(ReplaceMember { member }) => Some(member.as_str()),
        _ => None,
    })
}

fn reasons_against_taking(member: &str, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
    snapshot.reasons_against(policy, &Disruption::Take { members: vec![member.to_owned()] })
}

pub(super) fn successors_ready(plan: &Plan, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
    let repaired = repaired(plan, snapshot);
    let moved = |member: &str| {
        snapshot.leads(member)
            && snapshot.assessment.member(member).is_some_and(|state| moves(&plan.goal, snapshot, state))
    };
    let mut reasons: Vec<Reason> = plan
        .steps
        .iter()
        .filter_map(|step| match step {
            // One that restores a primary comes when all have moved: its gates judge what is so then.
            Step::SwitchOver(SwitchOver { from, to, .. })
                if moved(from) && repaired != Some(to) && added_member(plan) != Some(to) =>
            {
                Some(Disruption::Switchover { from: from.clone(), to: to.clone() })
            }
            _ => None,
        })
        .flat_map(|switchover| lasting_reasons(snapshot.reasons_against(policy, &switchover), repaired))
        .filter(|reason| !passes_soon(reason))
        .collect();
    let moving_groups = snapshot
        .assessment
        .groups
        .iter()
        .filter(|group| group.primary().is_some_and(|primary| moves(&plan.goal, snapshot, primary)));
    let can_lead = |member: &MemberState| {
        let follows = member.role == Role::Replica && member.sync.is_streaming();
        member.is_electable() && (follows || repaired == Some(&member.name))
    };
    let without_successor =
        moving_groups.filter(|group| !group.members.iter().any(can_lead) && added_member(plan).is_none());
    reasons.extend(without_successor.map(|group| Reason::NoSuccessor { group: group.name.clone() }));
    reasons
}

/// A primary is replaced after its switchover, but where its data is stored is known now.
pub(super) fn storage_kept(plan: &Plan, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
    let primaries = snapshot.assessment.groups.iter().filter_map(ReplicaGroup::primary);
    let about_storage =
        |reason: &Reason| matches!(reason, Reason::StorageNotKept { .. } | Reason::NoPersistence { .. });
    primaries
        .filter(|primary| moves(&plan.goal, snapshot, primary) && !matches!(plan.goal, Goal::Switchover { .. }))
        .flat_map(|primary| reasons_against_taking(&primary.name, snapshot, policy))
        .filter(about_storage)
        .collect()
}
