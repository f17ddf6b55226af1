//! An engine whose members lead many groups at once: each member moves once, whatever it leads.

use std::collections::BTreeMap;

use stateful_cluster::changes::rollout::TemplateChange;
use stateful_operations::steps::{ReplaceMember, SwitchOver};
use stateful_operations::{Goal, Origin, Snapshot, Step, Surge, draft_plan, make_plan};
use stateful_safety::{Policy, ReplicaGroup, Role};

use crate::model::Model;

/// Three brokers and nine groups of two: each broker leads three and follows in three.
fn brokers() -> Snapshot {
    let mut snapshot = Model::cluster(1, 2).peek();
    let members = snapshot.assessment.groups[0].members.clone();
    let member = |broker: usize, role: Role| {
        let mut state = members[broker % 3].clone();
        state.role = role;
        state
    };
    let partition = |number: usize| ReplicaGroup {
        name: format!("partition {number}"),
        members: vec![member(number, Role::Primary), member(number + 1, Role::Replica)],
        write_quorum: 1,
    };
    snapshot.assessment.groups = (0..9).map(partition).collect();
    for quorum in &mut snapshot.assessment.quorums {
        quorum.needed = 0;
    }
    snapshot
}

#[test]
fn a_broker_that_leads_many_groups_moves_once_and_leads_none_of_them_then() {
    let snapshot = brokers();
    let change = Some(TemplateChange::Restart { at: "2026-01-01T00:00:00Z".to_owned() });
    let goal = Goal::Upgrade { change, restore_primaries: false, repair: false, surge: Surge::No };
    let plan = draft_plan(&goal, &snapshot, Origin::of(&snapshot), &Policy::default());
    let mut leaders: BTreeMap<String, String> = snapshot
        .assessment
        .groups
        .iter()
        .map(|group| (group.name.clone(), group.primary().expect("a primary").name.clone()))
        .collect();
    let mut replaced = Vec::new();
    for step in &plan.steps {
        match step {
            Step::SwitchOver(SwitchOver { group, from, to }) => {
                assert_eq!(leaders.insert(group.clone(), to.clone()).as_ref(), Some(from), "{step}");
                let group = snapshot.assessment.groups.iter().find(|other| other.name == *group).expect("a group");
                assert!(group.member(to).is_some(), "{step}: the successor has no copy");
            }
            Step::ReplaceMember(ReplaceMember { member }) => {
                assert!(!leaders.values().any(|leader| leader == member), "{step}: it leads {leaders:?}");
                replaced.push(member.clone());
            }
            _ => {}
        }
    }
    replaced.sort();
    assert_eq!(replaced, ["redis-0", "redis-1", "redis-2"], "each once");
}

#[test]
fn a_node_is_left_by_the_broker_on_it_and_by_no_other() {
    let snapshot = brokers();
    let broker = snapshot.workload.members[0].clone();
    let goal = Goal::EvacuateNode { node: broker.node.clone().expect("a node") };
    let plan = make_plan(&goal, &snapshot, Origin::of(&snapshot), &Policy::default()).expect("a plan");
    let switchovers = plan.steps.iter().filter(|step| matches!(step, Step::SwitchOver(_))).count();
    let replaced: Vec<&Step> = plan.steps.iter().filter(|step| matches!(step, Step::ReplaceMember(_))).collect();
    assert_eq!(switchovers, 3, "{:?}", plan.steps);
    assert_eq!(replaced, [&Step::from(ReplaceMember { member: broker.name.clone() })]);
    assert_eq!(plan.steps.last(), Some(replaced[0]), "after every switchover");
}
