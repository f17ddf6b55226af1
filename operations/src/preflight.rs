//! THINK. The questions asked before anything begins, as a table: what `check` prints and what a plan must pass.

use stateful_safety::{
    Blocks, Disruption, MemberState, Passes, Policy, Reason, ReplicaGroup, Role, Version, VersionSkew, Warning,
};

use crate::affected_members::{moves, target_image};
use crate::goal::Goal;
use crate::steps::{AddMember, ReplaceMember, Situation, Step, StepKind, SwitchOver, is_ended_by_finalize};
use crate::{Plan, Snapshot};

/// A check.
struct Check {
    /// Its name.
    name: &'static str,
    /// What it makes sure of.
    title: &'static str,
    /// Whether it can apply to this plan at all; a check that cannot is not shown.
    applies: fn(&Plan, &Snapshot) -> bool,
    /// Every reason against the plan.
    ask: fn(&Plan, &Snapshot, &Policy) -> Vec<Reason>,
}

/// The checks, in the order in which they are shown.
#[rustfmt::skip]
const CHECKS: &[Check] = &[
    Check { name: "joins-by-itself", title: "a member that is added joins the database by itself", applies: |plan, _| added_member(plan).is_some(), ask: joins_by_itself },
    Check { name: "no-operator", title: "no operator rolls out changes of the template", applies: |plan, _| is_upgrade(plan), ask: no_operator },
    Check { name: "balancer-off", title: "no balancer moves data between the shards of its cluster meanwhile", applies: |plan, snapshot| is_upgrade(plan) && has_upgrade_conditions(snapshot), ask: balancer_off },
    Check { name: "members-well", title: "every member is there, in sync, and agrees with the others", applies: |_, _| true, ask: members_well },
    Check { name: "replicas-expendable", title: "every replica may be away for a while", applies: |plan, _| replaces(plan), ask: replicas_expendable },
    Check { name: "successors-ready", title: "every primary has a replica that can take over losslessly", applies: |plan, snapshot| !is_finalize(plan) && has_primaries(snapshot), ask: successors_ready },
    Check { name: "storage-kept", title: "every member finds its data again", applies: |plan, _| replaces(plan), ask: storage_kept },
    Check { name: "one-release", title: "every member runs the release that is made final", applies: |plan, _| is_finalize(plan), ask: one_release },
    Check { name: "version-forward", title: "every member is given a release that can read its files", applies: |plan, _| is_upgrade(plan), ask: version_forward },
];

const fn is_upgrade(plan: &Plan) -> bool {
    matches!(plan.goal, Goal::Upgrade { .. })
}

/// Whether the engine reports anything that concerns upgrades alone, such as being a part of a sharded cluster.
fn has_upgrade_conditions(snapshot: &Snapshot) -> bool {
    let assessment = &snapshot.assessment;
    !assessment.upgrade_notes.is_empty() || assessment.blockers_of(Blocks::Upgrade).next().is_some()
}

const fn is_finalize(plan: &Plan) -> bool {
    matches!(plan.goal, Goal::Finalize { .. })
}

/// Whether its goal takes members away and brings them back.
const fn replaces(plan: &Plan) -> bool {
    matches!(plan.goal, Goal::Upgrade { .. } | Goal::EvacuateNode { .. })
}

/// Whether any group has a primary, or should have one; others consist of peers.
fn has_primaries(snapshot: &Snapshot) -> bool {
    snapshot.assessment.groups.iter().any(|group| group.primary().is_some() || group.lacks_primary())
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check's name.
    pub check: &'static str,
    /// What it makes sure of.
    pub title: &'static str,
    /// The reasons against; none when it passed.
    pub reasons: Vec<Reason>,
    /// What should be known all the same.
    pub warnings: Vec<Warning>,
    /// What was observed, where the title does not say it.
    pub notes: Vec<String>,
}

/// What every check that can apply finds about a plan. A reason is shown once, by the first check that finds it; a check that
/// found one is always shown.
pub fn findings(plan: &Plan, snapshot: &Snapshot, policy: &Policy) -> Vec<Finding> {
    let mut shown: Vec<Reason> = Vec::new();
    let mut findings = Vec::new();
    for Check { name, title, applies, ask } in CHECKS {
        let mut reasons = Vec::new();
        for reason in ask(plan, snapshot, policy) {
            let accepted = reason.may_be_accepted() && policy.accepted.contains(reason.code());
            if !accepted && !shown.contains(&reason) {
                shown.push(reason.clone());
                reasons.push(reason);
            }
        }
        if !reasons.is_empty() || applies(plan, snapshot) {
            findings.push(Finding { check: name, title, reasons, warnings: Vec::new(), notes: Vec::new() });
        }
    }
    findings
}

/// Every reason against a plan.
pub(crate) fn reasons(plan: &Plan, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
    findings(plan, snapshot, policy).into_iter().flat_map(|finding| finding.reasons).collect()
}

/// An operator (a controller) owns the template and its rollout; it leaves the primary, and the node, to the database.
fn no_operator(plan: &Plan, snapshot: &Snapshot, _policy: &Policy) -> Vec<Reason> {
    let upgrades = matches!(plan.goal, Goal::Upgrade { .. });
    let operated = snapshot.workload.operated.clone().filter(|_| upgrades);
    operated.map(|operated| Reason::OperatorRunsIt { operated }).into_iter().collect()
}

/// Which member is the primary, and on which node, does not depend on the balancer of the sharded cluster.
fn balancer_off(plan: &Plan, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
    if matches!(plan.goal, Goal::Upgrade { .. }) { snapshot.reasons_against_upgrade(policy) } else { Vec::new() }
}

/// A background save in a forked child ends by itself within seconds and only delays a switchover: the gate waits for it.
fn members_well(plan: &Plan, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
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

fn replicas_expendable(plan: &Plan, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
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
fn added_member(plan: &Plan) -> Option<&str> {
    plan.steps.iter().find_map(|step| match step {
        Step::AddMember(AddMember { member, .. }) => Some(member.as_str()),
        _ => None,
    })
}

fn joins_by_itself(plan: &Plan, snapshot: &Snapshot, _policy: &Policy) -> Vec<Reason> {
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
fn replaced_members(plan: &Plan) -> impl Iterator<Item = &str> {
    plan.steps.iter().filter_map(|step| match step {
        Step::ReplaceMember(ReplaceMember { member }) => Some(member.as_str()),
        _ => None,
    })
}

fn reasons_against_taking(member: &str, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
    snapshot.reasons_against(policy, &Disruption::Take { members: vec![member.to_owned()] })
}

fn successors_ready(plan: &Plan, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
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
fn storage_kept(plan: &Plan, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
    let primaries = snapshot.assessment.groups.iter().filter_map(ReplicaGroup::primary);
    let about_storage =
        |reason: &Reason| matches!(reason, Reason::StorageNotKept { .. } | Reason::NoPersistence { .. });
    primaries
        .filter(|primary| moves(&plan.goal, snapshot, primary) && !matches!(plan.goal, Goal::Switchover { .. }))
        .flat_map(|primary| reasons_against_taking(&primary.name, snapshot, policy))
        .filter(about_storage)
        .collect()
}

fn one_release(plan: &Plan, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
    let situation = Situation { goal: &plan.goal, snapshot, policy };
    let finalizes = plan.steps.iter().filter(|step| step.kind() == StepKind::Finalize);
    finalizes.flat_map(|step| step.reasons_against(&situation)).collect()
}

fn version_forward(plan: &Plan, snapshot: &Snapshot, _policy: &Policy) -> Vec<Reason> {
    let image = target_image(&plan.goal, snapshot);
    let Some(target) = Version::of_image(image) else {
        return Vec::new(); // each switchover's gate compares the versions that really run
    };
    let engine = snapshot.workload.engine;
    let replaced = replaced_members(plan).filter_map(|member| snapshot.assessment.member(member));
    replaced
        .filter_map(|member| {
            let (version, name) = (member.version.clone()?, member.name.clone());
            if !engine.releases.rolls_across && target.is_another_release_than(&version, engine) {
                return Some(Reason::Release(VersionSkew::AnotherRelease {
                    member: name,
                    version,
                    image: image.to_owned(),
                    engine,
                }));
            }
            if !snapshot.assessment.can_open(&target, &version, engine) {
                return Some(Reason::Release(VersionSkew::FilesTooNew {
                    member: name,
                    version,
                    image: image.to_owned(),
                }));
            }
            if !version.is_older_release_than(&target, engine) {
                return None;
            }
            let features = snapshot.assessment.feature_release.clone();
            match features.filter(|features| features.is_older_release_than(&version, engine)) {
                Some(features) => Some(Reason::Release(VersionSkew::NotFinalized { features, version, engine })),
                None => (!target.follows_release_of(&version, engine)).then(|| {
                    let image = image.to_owned();
                    Reason::Release(VersionSkew::ReleaseSkipped { member: name, version, image, engine })
                }),
            }
        })
        .collect()
}
