//! The laws of the judge, each with the smallest database that can break it.

use std::sync::Arc;

use super::{JudgeInput, judge};
use crate::example::EXAMPLE;
use crate::judge::Disruption;
use crate::model::{
    Assessment, Blocker, Blocks, Effect, Member, MemberState, Passes, Policy, Quorum, ReplicaGroup, Role, Rollout,
    Storage, Sync, SyncReplication, Version, VolumeClaims, Workload, WorkloadId,
};
use crate::reasons::Reason;

mod interrupted;
mod kept_primary;

pub(super) const NOW: i64 = 1_000_000;

pub(super) fn state(name: &str, role: Role) -> MemberState {
    MemberState {
        name: name.to_owned(),
        role,
        sync: Sync::InSync { lag_bytes: 0 },
        lag_seconds: Some(0),
        version: Version::parse("7.0.15"),
        persists: true,
        lost_directory: None,
        priority: MemberState::NO_PREFERENCE,
        confirms_writes: true,
    }
}

fn group(index: usize, replicas: usize) -> ReplicaGroup {
    let mut members = vec![state(&format!("p{index}"), Role::Primary)];
    members.extend((0..replicas).map(|replica| state(&format!("r{index}{replica}"), Role::Replica)));
    ReplicaGroup { name: format!("shard {index}"), members, write_quorum: 1 }
}

/// Three shards of a primary (p0..p2) and one replica each (r00, r10, r20), all of them healthy.
pub(super) fn three_shards() -> Assessment {
    Assessment {
        taken_at: NOW,
        topology: "Redis Cluster".to_owned(),
        groups: (0..3).map(|index| group(index, 1)).collect(),
        quorums: vec![Quorum {
            voters_are: "slot-owning masters".to_owned(),
            live: (0..3).map(|shard| format!("p{shard}")).collect(),
            needed: 2,
        }],
        blockers: Vec::new(),
        feature_release: None,
        synchrony: SyncReplication::Declared,
        upgrade_notes: Vec::new(),
        notes: Vec::new(),
    }
}

/// A condition with that effect, about no member.
pub(super) fn blocker(code: &'static str, effect: Effect) -> Blocker {
    Blocker { code, effect, member: None, text: "a condition".to_owned(), next_step: "wait".to_owned() }
}

/// A pod for each member an assessment knows.
pub(super) fn workload(assessment: &Assessment) -> Workload {
    let members = assessment.groups.iter().flat_map(|group| &group.members).map(|member| Member {
        name: member.name.clone(),
        uid: format!("uid-{}", member.name),
        node: Some("node1".to_owned()),
        address: Some("10.0.0.1".to_owned()),
        revision: "old".to_owned(),
        image: "redis:7.0".to_owned(),
        ready: true,
        terminating: false,
        storage: Storage::VolumeClaim,
        waiting: None,
        never_started: false,
    });
    Workload {
        id: WorkloadId { namespace: "shop".to_owned(), name: "redis".to_owned() },
        uid: "uid".to_owned(),
        engine: &EXAMPLE,
        service: "redis".to_owned(),
        container: "redis".to_owned(),
        image: "redis:7.0".to_owned(),
        declared_revision: "old".to_owned(),
        replicas: assessment.groups.iter().map(|group| group.members.len()).sum(),
        first_ordinal: 0,
        restarted_at: None,
        rollout: Rollout::OnDelete,
        members: members.map(Arc::new).collect(),
        routes: Vec::new(),
        template_owner: None,
        replicas_owner: None,
        claims: VolumeClaims::default(),
        operated: None,
        budgets: Vec::new(),
    }
}

pub(super) fn take(names: &[&str]) -> Disruption {
    Disruption::Take { members: names.iter().map(|&name| name.to_owned()).collect() }
}

fn switch_over(from: &str, to: &str) -> Disruption {
    Disruption::Switchover { from: from.to_owned(), to: to.to_owned() }
}

/// The codes of the reasons against a disruption of this database.
pub(super) fn against(assessment: &Assessment, disruption: &Disruption) -> Vec<&'static str> {
    against_with(assessment, disruption, &[], &Policy::default())
}

fn against_with(a: &Assessment, disruption: &Disruption, promised: &[&str], policy: &Policy) -> Vec<&'static str> {
    let workload = workload(a);
    let promised: Vec<String> = promised.iter().map(|&name| name.to_owned()).collect();
    let known = JudgeInput { workload: &workload, assessment: Some(a), promised: &promised };
    judge(policy, known, disruption, NOW).reasons().iter().map(Reason::code).collect()
}

#[test]
fn a_replica_in_sync_may_be_taken() {
    assert!(against(&three_shards(), &take(&["r00"])).is_empty());
}

#[test]
fn a_primary_is_never_taken() {
    assert_eq!(against(&three_shards(), &take(&["p1"])), ["STF-DB-007"]);
}

#[test]
fn replicas_of_different_shards_may_go_together_but_two_of_one_may_not() {
    assert!(against(&three_shards(), &take(&["r00", "r10"])).is_empty());
    let mut wide = three_shards();
    wide.groups[0] = group(0, 2);
    assert_eq!(against(&wide, &take(&["r00", "r01"])), ["STF-DB-005"]);
}

#[test]
fn a_member_whose_eviction_was_allowed_counts_as_gone() {
    let mut wide = three_shards();
    wide.groups[0] = group(0, 2);
    assert_eq!(against_with(&wide, &take(&["r00"]), &["r01"], &Policy::default()), ["STF-DB-005"]);
}

#[test]
fn while_one_member_is_away_no_other_of_its_group_goes() {
    let mut assessment = three_shards();
    assessment.groups[0] = group(0, 2);
    assessment.groups[0].members[1].sync = Sync::Behind { why: "loading".to_owned() };
    assert_eq!(against(&assessment, &take(&["r01"])), ["STF-DB-005"]);
    assert!(against(&assessment, &take(&["r00"])).is_empty(), "the broken one itself may be taken");
    assert!(against(&assessment, &take(&["r10"])).is_empty(), "another group does not care");
}

#[test]
fn a_lagging_replica_holds_back_its_group() {
    let mut assessment = three_shards();
    assessment.groups[0] = group(0, 2);
    assessment.groups[0].members[1].sync = Sync::InSync { lag_bytes: (1 << 20) + 1 };
    assert_eq!(against(&assessment, &take(&["r01"])), ["STF-DB-006"]);
    assert_eq!(against(&assessment, &switch_over("p0", "r00")), ["STF-DB-006"]);
}

#[test]
fn writes_that_need_a_replica_keep_it() {
    let mut assessment = three_shards();
    assessment.groups[0].write_quorum = 2;
    assert_eq!(against(&assessment, &take(&["r00"])), ["STF-DB-008"]);
    assert!(against(&assessment, &switch_over("p0", "r00")).is_empty(), "a switchover takes no member away");
    let accepted = Policy { accepted: ["STF-DB-008".to_owned()].into(), ..Policy::default() };
    assert!(against_with(&assessment, &take(&["r00"]), &[], &accepted).is_empty(), "their clients may wait");
}

#[test]
fn a_replica_that_confirms_no_writes_does_not_stand_in_for_one_that_does() {
    let mut assessment = three_shards();
    assessment.groups[0] = group(0, 2);
    assessment.groups[0].write_quorum = 2;
    assert!(against(&assessment, &take(&["r00"])).is_empty(), "the primary and r01 are left");
    assessment.groups[0].members[2].confirms_writes = false;
    assert_eq!(against(&assessment, &take(&["r00"])), ["STF-DB-008"]);
    assert!(against(&assessment, &take(&["r01"])).is_empty(), "no write waits for that one");
}

#[test]
fn the_voters_never_fall_below_their_majority() {
    let mut assessment = three_shards();
    assessment.quorums[0].live = vec!["p0".to_owned()];
    assert_eq!(against(&assessment, &take(&["r00"])), ["STF-DB-009"]);
}

#[test]
fn data_without_a_claim_or_without_persistence_stays() {
    let mut assessment = three_shards();
    assessment.groups[0].members[1].persists = false;
    assert_eq!(against(&assessment, &take(&["r00"])), ["STF-DB-011"]);
    let accepted = Policy { accepted: ["STF-DB-011".to_owned()].into(), ..Policy::default() };
    assert!(against_with(&assessment, &take(&["r00"]), &[], &accepted).is_empty(), "an accepted reason is none");

    let assessment = three_shards();
    let mut workload = workload(&assessment);
    Arc::make_mut(&mut workload.members[1]).storage = Storage::Ephemeral;
    let known = JudgeInput { workload: &workload, assessment: Some(&assessment), promised: &[] };
    let verdict = judge(&Policy::default(), known, &take(&["r00"]), NOW);
    assert_eq!(verdict.reasons(), [Reason::StorageNotKept { member: "r00".to_owned(), directory: None }]);
    let mut assessment = three_shards();
    assessment.groups[0].members[1].lost_directory = Some("/scratch".to_owned());
    assert_eq!(against(&assessment, &take(&["r00"])), ["STF-DB-010"]);
    assert!(against(&assessment, &take(&["r10"])).is_empty(), "the others keep theirs");
}

#[test]
fn the_loss_of_a_primary_may_never_be_accepted() {
    let accepted = Policy { accepted: ["STF-DB-007".to_owned()].into(), ..Policy::default() };
    assert_eq!(against_with(&three_shards(), &take(&["p0"]), &[], &accepted), ["STF-DB-007"]);
}

#[test]
fn a_handover_goes_to_a_replica_of_that_primary_in_sync_and_no_older() {
    assert!(against(&three_shards(), &switch_over("p0", "r00")).is_empty());
    assert_eq!(against(&three_shards(), &switch_over("p0", "r10")), ["STF-DB-014"]);
    assert_eq!(against(&three_shards(), &switch_over("r00", "p0")), ["STF-DB-014"]);

    let mut behind = three_shards();
    behind.groups[0].members[1].sync = Sync::Behind { why: "link down".to_owned() };
    assert_eq!(against(&behind, &switch_over("p0", "r00")), ["STF-DB-005", "STF-DB-012"]);

    let mut older = three_shards();
    older.groups[0].members[0].version = Version::parse("8.0.2");
    assert_eq!(against(&older, &switch_over("p0", "r00")), ["STF-DB-015"]);
}

#[test]
fn a_snapshot_delays_a_handover_and_nothing_else() {
    let mut assessment = three_shards();
    assessment.blockers = vec![blocker("STF-DB-019", Effect::new(Blocks::Switchover, Passes::WithinSeconds))];
    assert!(against(&assessment, &take(&["r00"])).is_empty());
    assert_eq!(against(&assessment, &switch_over("p0", "r00")), ["STF-DB-019"]);
}

#[test]
fn members_that_disagree_are_left_alone() {
    let mut assessment = three_shards();
    assessment.blockers =
        vec![blocker("STF-DB-016", Effect::new(Blocks::Everything, Passes::ByItself).and_finishing())];
    assert_eq!(against(&assessment, &take(&["r00"])), ["STF-DB-016"]);
}

#[test]
fn a_silent_member_may_be_taken_only_if_another_leads_its_group() {
    let mut assessment = three_shards();
    assessment.groups[0].members[1].role = Role::Unknown;
    assessment.groups[0].members[1].sync = Sync::Unreachable { why: "refused".to_owned() };
    assert!(against(&assessment, &take(&["r00"])).is_empty());
    assessment.groups[0].members.remove(0);
    assert_eq!(against(&assessment, &take(&["r00"])), ["STF-DB-004", "STF-DB-008"]);
}

#[test]
fn what_is_not_known_or_too_old_is_refused() {
    let assessment = three_shards();
    let workload = workload(&assessment);
    let known = JudgeInput { workload: &workload, assessment: None, promised: &[] };
    assert_eq!(judge(&Policy::default(), known, &take(&["r00"]), NOW).reasons(), [super::verdict::never_looked()]);
    let known = JudgeInput { assessment: Some(&assessment), ..known };
    let verdict = judge(&Policy::default(), known, &take(&["r00"]), NOW + 3_001);
    assert_eq!(verdict.reasons(), [Reason::Stale { age: 3_001, limit: 3_000 }]);
    assert!(judge(&Policy::default(), known, &take(&["r00"]), NOW + 3_000).is_allowed());
    assert!(!judge(&Policy::default(), known, &take(&["r00"]), NOW - 3_001).is_allowed(), "a clock was set back");
    assert_eq!(against(&assessment, &take(&["r99"])), ["STF-DB-003"]);
}

#[test]
fn a_member_on_its_way_out_counts_as_gone_though_its_server_still_answers() {
    let mut assessment = three_shards();
    assessment.groups[0].members.push(state("r01", Role::Replica));
    let mut workload = workload(&assessment);
    let leaving = workload.members.iter_mut().find(|member| member.name == "r01").expect("a member");
    Arc::make_mut(leaving).terminating = true;
    let known = JudgeInput { workload: &workload, assessment: Some(&assessment), promised: &[] };
    let verdict = judge(&Policy::default(), known, &take(&["r00"]), NOW);
    assert_eq!(verdict.reasons().iter().map(Reason::code).collect::<Vec<_>>(), ["STF-DB-005"]);
    assert!(judge(&Policy::default(), known, &take(&["r10"]), NOW).is_allowed(), "another group is not concerned");
}

#[test]
fn a_limit_in_seconds_is_kept_only_by_who_is_known_to_keep_it() {
    let limited = Policy { max_lag_seconds: Some(10), ..Policy::default() };
    let mut assessment = three_shards();
    assert!(against_with(&assessment, &switch_over("p0", "r00"), &[], &limited).is_empty());
    assessment.groups[0].members[1].lag_seconds = Some(11);
    assert_eq!(against_with(&assessment, &switch_over("p0", "r00"), &[], &limited), ["STF-DB-023"]);
    assessment.groups[0].members[1].lag_seconds = None;
    assert_eq!(
        against_with(&assessment, &switch_over("p0", "r00"), &[], &limited),
        ["STF-DB-023"],
        "unknown is unsafe"
    );
    assert!(against(&assessment, &switch_over("p0", "r00")).is_empty(), "the policy sets no limit");
}
