//! Groups whose members are equals: no member leads, and each may go as long as a write still finds its quorum of copies.

use super::tests::{NOW, against, blocker, state, take, workload};
use super::{JudgeInput, everyone_in_sync};
use crate::judge::Disruption;
use crate::model::{Assessment, Blocker, Blocks, Effect, Passes, Policy, ReplicaGroup, Role, Sync};
use crate::reasons::Reason;

/// Five nodes; each shard has three copies, on nodes in turn, so that each node is in three groups.
fn five() -> Assessment {
    let peer = |node: usize| state(&format!("c{}", node % 5), Role::Peer);
    let group = |first: usize| ReplicaGroup {
        name: format!("shards of c{first}"),
        members: (first..first + 3).map(peer).collect(),
        write_quorum: 2,
    };
    Assessment {
        taken_at: NOW,
        topology: "cluster of 5".to_owned(),
        groups: (0..5).map(group).collect(),
        quorums: Vec::new(),
        blockers: Vec::new(),
        feature_release: None,
        synchrony: crate::model::SyncReplication::Declared,
        upgrade_notes: Vec::new(),
        notes: Vec::new(),
    }
}

fn in_maintenance(member: &str) -> Blocker {
    let effect = Effect::new(Blocks::AllButItsMember, Passes::ByItself);
    Blocker { member: Some(member.to_owned()), ..blocker("STF-XX-001", effect) }
}

#[test]
fn any_of_equals_may_go_while_a_write_finds_its_quorum() {
    let assessment = five();
    for node in 0..5 {
        assert_eq!(against(&assessment, &take(&[&format!("c{node}")])), Vec::<&str>::new());
    }
    assert!(assessment.groups.iter().all(|group| group.primary().is_none() && !group.lacks_primary()));
}

#[test]
fn no_two_that_share_a_shard_go_at_once_even_where_a_quorum_would_be_left() {
    let mut assessment = five();
    for state in assessment.groups.iter_mut().flat_map(|group| &mut group.members).filter(|state| state.name == "c1") {
        state.sync = Sync::Unreachable { why: "refused".to_owned() };
    }
    // Once for each group both are in.
    assert_eq!(against(&assessment, &take(&["c2"])), ["STF-DB-004", "STF-DB-004", "STF-DB-008", "STF-DB-008"]);
    assert_eq!(against(&assessment, &take(&["c1"])), Vec::<&str>::new(), "the silent one itself may be mended");
}

#[test]
fn a_single_copy_is_the_only_one_and_two_are_a_quorum_together() {
    let mut assessment = five();
    assessment.groups.truncate(1);
    assessment.groups[0].members.truncate(2);
    assert_eq!(against(&assessment, &take(&["c0"])), ["STF-DB-008"]);
    assessment.groups[0].members.truncate(1);
    assessment.groups[0].write_quorum = 1;
    assert_eq!(against(&assessment, &take(&["c0"])), ["STF-DB-022", "STF-DB-008"]);
}

#[test]
fn only_the_member_in_maintenance_mode_may_be_taken() {
    let mut assessment = five();
    assessment.blockers = vec![in_maintenance("c1")];
    assert_eq!(against(&assessment, &take(&["c3"])), ["STF-XX-001"]);
    assert_eq!(against(&assessment, &take(&["c1"])), Vec::<&str>::new());
    let mut workload = workload(&assessment);
    workload.replicas = 0; // none of them is missing
    let known = JudgeInput { workload: &workload, assessment: Some(&assessment), promised: &[] };
    let codes = |except| {
        let reasons = everyone_in_sync(&Policy::default(), known, except, NOW);
        reasons.iter().map(Reason::code).collect::<Vec<_>>()
    };
    assert_eq!((codes(Some("c1")), codes(Some("c3")), codes(None)), (vec![], vec!["STF-XX-001"], vec!["STF-XX-001"]));
}

#[test]
fn there_is_no_switchover_between_equals() {
    let disruption = Disruption::Switchover { from: "c0".to_owned(), to: "c1".to_owned() };
    assert_eq!(against(&five(), &disruption), ["STF-DB-014"]);
}
