//! THINK. The questions asked before anything begins, as a table: what `check` prints and what a plan must pass.

mod budgets;
mod canary;
mod members;
pub(crate) mod recent_backup;
mod releases;

use budgets::{are_over, budgets_met};
pub use canary::check_canary;
use members::{
    added_member, balancer_off, joins_by_itself, members_well, no_operator, replicas_expendable, rollout_known,
    storage_kept, successors_ready,
};
pub use recent_backup::recent_backup;
use releases::{one_release, version_forward};
use stateful_safety::{Blocks, Policy, Reason, Rollout, Warning};

use crate::{Goal, Plan, Snapshot};

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
    Check { name: "rollout-known", title: "the update strategy can be given back as it was", applies: |plan, snapshot| is_upgrade(plan) && matches!(snapshot.workload.rollout, Rollout::Other { .. }), ask: rollout_known },
    Check { name: "balancer-off", title: "no balancer moves data between the shards of its cluster meanwhile", applies: |plan, snapshot| is_upgrade(plan) && has_upgrade_conditions(snapshot), ask: balancer_off },
    Check { name: "members-well", title: "every member is there, in sync, and agrees with the others", applies: |_, _| true, ask: members_well },
    Check { name: "replicas-expendable", title: "every replica may be away for a while", applies: |plan, _| replaces(plan), ask: replicas_expendable },
    Check { name: "successors-ready", title: "every primary has a replica that can take over losslessly", applies: |plan, snapshot| !is_finalize(plan) && has_primaries(snapshot), ask: successors_ready },
    Check { name: "budgets-met", title: "every disruption budget lets one member go at a time", applies: are_over, ask: budgets_met },
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
