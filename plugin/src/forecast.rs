//! THINK. Whether a database can be moved safely now. `check` prints the answer in full, `status` in one word: both ask here,
//! so that they cannot disagree.

use stateful_cluster::changes::rollout::TemplateChange;
use stateful_operations::{Finding, Goal, Origin, Snapshot, Surge, draft_plan, findings};
use stateful_safety::{Disruption, Policy, Reason};

/// What the checks say of an upgrade: every member is restarted once. A new image may meet more reasons (an older release, a
/// release that was skipped), which only `upgrade` can know.
pub(crate) fn upgrade(snapshot: &Snapshot, policy: &Policy) -> Vec<Finding> {
    let change = Some(TemplateChange::Restart { at: "a check".to_owned() });
    let goal = Goal::Upgrade { change, restore_primaries: false, repair: false, surge: Surge::No };
    findings_of(&goal, snapshot, policy)
}

/// What the checks say of a drain of a node.
pub(crate) fn drain(node: &str, snapshot: &Snapshot, policy: &Policy) -> Vec<Finding> {
    findings_of(&Goal::EvacuateNode { node: node.to_owned() }, snapshot, policy)
}

/// The judge's reasons against evicting one member now: what the guard would answer.
pub(crate) fn eviction(member: &str, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
    snapshot.reasons_against(policy, &Disruption::Take { members: vec![member.to_owned()] })
}

fn findings_of(goal: &Goal, snapshot: &Snapshot, policy: &Policy) -> Vec<Finding> {
    findings(&draft_plan(goal, snapshot, Origin::of(snapshot), policy), snapshot, policy)
}
