//! Roles that move by themselves, between any two snapshots. (Between a snapshot and its change no program outside the database can
//! see them move: an eviction names a UID, not a role. There the guard's own judgement is the second wall.)

use stateful_operations::{Goal, Outcome};

use crate::cases::{self, Case};
use crate::drive::{assert_finished, begin};
use crate::model::Fault;

/// When to let it fail over: before any look; where primaries are restored, up to the last time a member is taken. One
/// that fails over after it was given back has moved by itself, and that is no part of the operation.
fn moments(case: &Case) -> Vec<usize> {
    // Only this tool moves the roles of an engine that fences.
    if case.model.inside().fences {
        return Vec::new();
    }
    let mut snapshots = case.snapshots();
    if matches!(case.goal, Goal::Upgrade { restore_primaries: true, .. }) {
        snapshots.retain(|snapshot| *snapshot <= case.last_eviction());
    }
    snapshots
}

#[test]
fn a_failover_before_any_look_is_noticed_and_drawn_up_anew() {
    for case in cases::all() {
        let before = case.model.before();
        let groups = case.model.inside().groups;
        for call in moments(&case) {
            for group in 0..groups {
                let what = format!("{}, shard {group} fails over at call {call}", case.name);
                let model = case.model.scripted(call, Fault::FailOver(group));
                let outcome = begin(&model, &case.goal).expect(case.name);
                assert_finished(&model, &case.goal, &before, outcome.as_ref(), &what);
            }
        }
    }
}

#[test]
fn a_failover_while_the_api_server_is_away_is_waited_out() {
    for case in cases::all() {
        let before = case.model.before();
        for call in moments(&case) {
            let what = format!("{}, shard 0 fails over at call {call}, then no server answers", case.name);
            let model = case.model.scripted(call, Fault::FailOver(0)).with(|inside| {
                inside.script.push((call + 1, Fault::Away(3_000)));
                inside.script.push((call + 2, Fault::Away(3_000)));
            });
            let outcome = begin(&model, &case.goal).expect(case.name);
            assert_finished(&model, &case.goal, &before, outcome.as_ref(), &what);
        }
    }
}

#[test]
fn a_strategy_set_back_by_another_client_is_noticed_and_held_again() {
    let case = cases::all().swap_remove(0);
    let before = case.model.before();
    for call in case.snapshots() {
        let what = format!("the strategy is set back at call {call}");
        let model = case.model.scripted(call, Fault::SetBack);
        let outcome = begin(&model, &case.goal).expect(case.name);
        model.sleep(5_000);
        // Pods that the controller takes until the rollout is held again cannot be saved; the operation itself stays lawful.
        let broken = model.broken();
        let ours = broken.iter().filter(|law| !law.contains("the StatefulSet controller took"));
        assert_eq!(ours.collect::<Vec<_>>(), Vec::<&String>::new(), "{what}");
        assert!(matches!(outcome, Some(Outcome::Finished)), "{what}: {outcome:?}");
        assert_eq!(model.missing(&case.goal, &before), Vec::<String>::new(), "{what}");
    }
}
