//! A pod in which no server ever ran: taking it away takes nothing that is not missing already.

use std::sync::Arc;

use super::tests::{NOW, take, three_shards, workload};
use super::{JudgeInput, judge};
use crate::judge::Disruption;
use crate::model::{Assessment, Policy, Role, Storage, Sync, Workload};
use crate::reasons::Reason;

/// Three shards, the replica of the first in a pod whose container could not be made; its writes need both of its members.
fn short_of_one() -> (Assessment, Workload) {
    let mut assessment = three_shards();
    let group = &mut assessment.groups[0];
    group.write_quorum = 2;
    group.members[1].role = Role::Unknown;
    group.members[1].sync = Sync::Unreachable { why: "refused".to_owned() };
    let mut workload = workload(&assessment);
    let pod = Arc::make_mut(&mut workload.members[1]);
    (pod.never_started, pod.ready) = (true, false);
    (assessment, workload)
}

fn against(assessment: &Assessment, workload: &Workload, disruption: &Disruption) -> Vec<&'static str> {
    let known = JudgeInput { workload, assessment: Some(assessment), promised: &[] };
    judge(&Policy::default(), known, disruption, NOW).reasons().iter().map(Reason::code).collect()
}

#[test]
fn what_is_missing_with_it_and_without_it_is_no_reason_against_taking_it() {
    let (mut assessment, mut workload) = short_of_one();
    assert!(against(&assessment, &workload, &take(&["r00"])).is_empty());
    assessment.quorums[0].needed = 4;
    assert!(against(&assessment, &workload, &take(&["r00"])).is_empty(), "it has no vote");
    assert_eq!(against(&assessment, &workload, &take(&["r10"])), ["STF-DB-009"], "one that runs has its place");
    Arc::make_mut(&mut workload.members[1]).never_started = false;
    assert_eq!(against(&assessment, &workload, &take(&["r00"])), ["STF-DB-008", "STF-DB-009"], "it may come back");
}

#[test]
fn one_account_alone_does_not_make_a_pod_empty() {
    let (mut assessment, workload) = short_of_one();
    assessment.groups[0].members[1].sync = Sync::Behind { why: "loading".to_owned() };
    assert_eq!(against(&assessment, &workload, &take(&["r00"])), ["STF-DB-008"], "a server answers there");
    let (assessment, mut workload) = short_of_one();
    Arc::make_mut(&mut workload.members[1]).ready = true;
    assert_eq!(against(&assessment, &workload, &take(&["r00"])), ["STF-DB-008"], "the kubelet says that it is ready");
}

#[test]
fn another_member_must_be_the_primary_and_the_claim_be_kept() {
    let (mut assessment, mut workload) = short_of_one();
    assessment.groups[0].members[0].role = Role::Replica;
    assert_eq!(against(&assessment, &workload, &take(&["r00"])), ["STF-DB-004", "STF-DB-008"]);
    assessment.groups[0].members[0].role = Role::Primary;
    Arc::make_mut(&mut workload.members[1]).storage = Storage::Ephemeral;
    assert_eq!(against(&assessment, &workload, &take(&["r00"])), ["STF-DB-010"]);
}

#[test]
fn an_empty_pod_does_not_let_another_member_be_taken() {
    let (mut assessment, workload) = short_of_one();
    assert_eq!(against(&assessment, &workload, &take(&["r00", "p0"])), ["STF-DB-007", "STF-DB-005", "STF-DB-008"]);
    assessment.groups[0].members[0].sync = Sync::Behind { why: "loading".to_owned() };
    assert_eq!(against(&assessment, &workload, &take(&["r00"])), ["STF-DB-005"], "never while another is away");
}
