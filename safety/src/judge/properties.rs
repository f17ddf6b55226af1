//! What holds for every database, not only for those that were thought of.

use std::sync::Arc;

use proptest::prelude::*;

use super::tests::workload;
use super::{JudgeInput, judge};
use crate::judge::Disruption;
use crate::model::{Assessment, MemberState, Policy, Quorum, ReplicaGroup, Role, Sync, Version};

const NOW: i64 = 1_000_000;

/// A member of any role and state.
fn state() -> impl Strategy<Value = (Role, Sync, bool, Option<u64>)> {
    let role = prop_oneof![
        Just(Role::Primary),
        Just(Role::Replica),
        Just(Role::Replica),
        Just(Role::Peer),
        Just(Role::Unknown)
    ];
    let sync = prop_oneof![
        4 => (0_u64..3 << 20).prop_map(|lag_bytes| Sync::InSync { lag_bytes }),
        1 => Just(Sync::Behind { why: "loading".to_owned() }),
        1 => Just(Sync::Unreachable { why: "refused".to_owned() }),
    ];
    (role, sync, prop::bool::weighted(0.9), prop::option::of(0_u64..20))
}

/// A database of up to three groups of up to four, well or not.
fn database() -> impl Strategy<Value = Assessment> {
    let groups = prop::collection::vec((prop::collection::vec(state(), 1..5), 1_usize..3), 1..4);
    (groups, 0_usize..4).prop_map(|(groups, needed)| {
        let groups: Vec<ReplicaGroup> = groups
            .into_iter()
            .enumerate()
            .map(|(group, (members, write_quorum))| ReplicaGroup {
                name: format!("group {group}"),
                members: members
                    .into_iter()
                    .enumerate()
                    .map(|(index, (role, sync, persists, lag_seconds))| MemberState {
                        name: format!("m{group}{index}"),
                        role,
                        sync,
                        lag_seconds,
                        version: Version::parse("7.0.15"),
                        persists,
                        lost_directory: None,
                        priority: MemberState::NO_PREFERENCE,
                        confirms_writes: true,
                    })
                    .collect(),
                write_quorum,
            })
            .collect();
        let live = groups.iter().filter_map(|group| group.members.first()).map(|member| member.name.clone()).collect();
        Assessment {
            taken_at: NOW,
            topology: "any".to_owned(),
            groups,
            quorums: vec![Quorum { voters_are: "voters".to_owned(), live, needed }],
            blockers: Vec::new(),
            feature_release: None,
            synchrony: crate::model::SyncReplication::Declared,
            upgrade_notes: Vec::new(),
            notes: Vec::new(),
        }
    })
}

fn names(assessment: &Assessment) -> Vec<String> {
    assessment.groups.iter().flat_map(|group| &group.members).map(|member| member.name.clone()).collect()
}

fn allowed(assessment: &Assessment, members: &[String], promised: &[String], policy: &Policy, now: i64) -> bool {
    allowed_with_empty_pods(assessment, 0, members, promised, policy, now)
}

/// The same where, by Kubernetes' word, no server ever ran in some of the pods: a bit a member.
fn allowed_with_empty_pods(
    assessment: &Assessment,
    empty: u16,
    members: &[String],
    promised: &[String],
    policy: &Policy,
    now: i64,
) -> bool {
    let mut workload = workload(assessment);
    for (index, pod) in workload.members.iter_mut().enumerate().filter(|(index, _)| empty >> index & 1 == 1) {
        let pod = Arc::make_mut(pod);
        (pod.never_started, pod.ready) = (true, index.is_multiple_of(4)); // not every account fits the other
    }
    let known = JudgeInput { workload: &workload, assessment: Some(assessment), promised };
    judge(policy, known, &Disruption::Take { members: members.to_vec() }, now).is_allowed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn taking_more_away_never_becomes_safer(database in database(), pick in any::<prop::sample::Index>(), more in any::<u16>()) {
        let all = names(&database);
        let one = vec![all[pick.index(all.len())].clone()];
        let mut several = one.clone();
        several.extend(all.iter().enumerate().filter(|(index, name)| more >> index & 1 == 1 && **name != one[0]).map(|(_, name)| name.clone()));
        let policy = Policy::default();
        if allowed(&database, &several, &[], &policy, NOW) {
            prop_assert!(allowed(&database, &one, &[], &policy, NOW), "{several:?} may go, and {one:?} alone may not");
        }
    }

    #[test]
    fn one_more_promise_never_makes_it_safer(database in database(), pick in any::<prop::sample::Index>(), other in any::<prop::sample::Index>()) {
        let all = names(&database);
        let (one, promised) = (vec![all[pick.index(all.len())].clone()], vec![all[other.index(all.len())].clone()]);
        let policy = Policy::default();
        // A promise about the member itself is about what is asked.
        if one != promised && allowed(&database, &one, &promised, &policy, NOW) {
            prop_assert!(allowed(&database, &one, &[], &policy, NOW));
        }
    }

    #[test]
    fn older_data_never_becomes_safer(database in database(), pick in any::<prop::sample::Index>(), age in 0_i64..6_000, older in 0_i64..6_000) {
        let all = names(&database);
        let one = vec![all[pick.index(all.len())].clone()];
        let policy = Policy::default();
        if allowed(&database, &one, &[], &policy, NOW + age + older) {
            prop_assert!(allowed(&database, &one, &[], &policy, NOW + age));
        }
    }

    #[test]
    fn a_smaller_limit_never_allows_more(database in database(), pick in any::<prop::sample::Index>(), limit in 0_u64..3 << 20) {
        let all = names(&database);
        let one = vec![all[pick.index(all.len())].clone()];
        let strict = Policy { max_lag_bytes: limit / 2, max_lag_seconds: Some(5), ..Policy::default() };
        let lax = Policy { max_lag_bytes: limit, max_lag_seconds: None, ..Policy::default() };
        if allowed(&database, &one, &[], &strict, NOW) {
            prop_assert!(allowed(&database, &one, &[], &lax, NOW));
        }
    }

    #[test]
    fn what_is_allowed_leaves_a_primary_in_sync_in_every_group_it_touches(database in database(), pick in any::<prop::sample::Index>()) {
        let all = names(&database);
        let one = all[pick.index(all.len())].clone();
        if allowed(&database, std::slice::from_ref(&one), &[], &Policy::default(), NOW) {
            let group = database.group_of(&one).expect("a group");
            let left = group.members.iter().filter(|member| member.name != one && member.counts_for_writes()).count();
            prop_assert!(left >= group.write_quorum, "{left} are left");
            prop_assert!(group.member(&one).is_some_and(|member| member.role != Role::Primary));
        }
    }

    #[test]
    fn an_empty_pod_changes_no_verdict_on_a_member_with_a_server(database in database(), empty in any::<u16>(), pick in any::<prop::sample::Index>()) {
        let all = names(&database);
        let one = all[pick.index(all.len())].clone();
        let policy = Policy::default();
        if allowed_with_empty_pods(&database, empty, std::slice::from_ref(&one), &[], &policy, NOW)
            && !allowed(&database, std::slice::from_ref(&one), &[], &policy, NOW)
        {
            let group = database.group_of(&one).expect("a group");
            let taken = group.member(&one).expect("a member");
            prop_assert!(matches!(taken.sync, Sync::Unreachable { .. }), "{taken:?} has a server");
            prop_assert!(group.primary().is_some_and(|primary| primary.name != one), "no other member leads");
            let others = group.members.iter().filter(|member| member.name != one);
            prop_assert!(others.into_iter().all(|member| member.sync.is_streaming()), "another member is away");
        }
    }

    #[test]
    fn taking_more_away_never_becomes_safer_by_an_empty_pod(database in database(), empty in any::<u16>(), pick in any::<prop::sample::Index>(), more in any::<u16>()) {
        let all = names(&database);
        let one = vec![all[pick.index(all.len())].clone()];
        let mut several = one.clone();
        several.extend(all.iter().enumerate().filter(|(index, name)| more >> index & 1 == 1 && **name != one[0]).map(|(_, name)| name.clone()));
        let policy = Policy::default();
        if allowed_with_empty_pods(&database, empty, &several, &[], &policy, NOW) {
            prop_assert!(allowed_with_empty_pods(&database, empty, &one, &[], &policy, NOW), "{several:?} may go, and {one:?} alone may not");
        }
    }
}
