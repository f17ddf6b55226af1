//! `check` shows only what can apply to the database and the goal at hand.

use stateful_operations::{Goal, Origin, draft_plan, findings};
use stateful_safety::Policy;

use crate::cases::{image, surging};
use crate::model::{Model, NEW, NEWER_MINOR};

fn shown(model: &Model, goal: &Goal) -> Vec<&'static str> {
    let snapshot = model.peek();
    let policy = Policy::default();
    let plan = draft_plan(goal, &snapshot, Origin::of(&snapshot), &policy);
    findings(&plan, &snapshot, &policy).into_iter().map(|finding| finding.check).collect()
}

#[test]
fn no_check_is_shown_that_cannot_apply() {
    let upgrade = shown(&Model::cluster(3, 1), &image(NEW));
    for absent in ["joins-by-itself", "balancer-off", "one-release"] {
        assert!(!upgrade.contains(&absent), "{absent}: no member is added, nothing is sharded, nothing made final");
    }
    assert!(upgrade.contains(&"version-forward") && upgrade.contains(&"members-well"));
    assert!(shown(&Model::fencing(), &surging(NEWER_MINOR)).contains(&"joins-by-itself"), "a member is added");
    assert!(!shown(&Model::equals(3), &image(NEW)).contains(&"successors-ready"), "equals have no primary");
    let switchover = Goal::Switchover { member: "redis-3".to_owned() };
    let switchover = shown(&Model::cluster(3, 1), &switchover);
    assert_eq!(switchover, ["members-well", "successors-ready"]);
}
