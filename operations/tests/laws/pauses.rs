//! Switchovers that were interrupted, their group without a primary: finished or reverted, by the same process or another, and never
//! begun by the way.

use stateful_operations::journal::State;
use stateful_operations::{Outcome, Step, Stop, why_no_rollback};
use stateful_safety::Policy;

use crate::cases::{self, Case};
use crate::drive::{assert_finished, assert_lawful, assert_resumable, begin, resume, resume_into};
use crate::model::{Fault, Model};

/// Of a release that can read nothing of what any of the model's servers has written.
const UNREADABLE: &str = "example/redis:2.0";

/// The world with the operation killed in the pause of its first switchover.
fn killed_in_the_first_pause(case: &Case) -> Model {
    (1..=case.calls())
        .find_map(|call| {
            let model = case.model.scripted(call, Fault::DieInPause);
            begin(&model, &case.goal).expect(case.name);
            let paused = model.inside().paused.is_some();
            paused.then_some(model)
        })
        .expect("there is a switchover")
}

#[test]
fn a_switchover_in_which_a_process_died_is_finished_by_another() {
    for case in cases::fencing() {
        let before = case.model.before();
        for call in 1..=case.calls() {
            for later in [0, 700, 60_000] {
                let what = format!("{}, died in the pause at call {call}, taken up after {later} ms", case.name);
                let model = case.model.scripted(call, Fault::DieInPause);
                let outcome = begin(&model, &case.goal).expect(case.name);
                assert!(outcome.is_none(), "{what}: it did not die: {outcome:?}");
                model.sleep(later);
                assert_resumable(&model, &case.goal, &before, &what);
            }
        }
    }
}

#[test]
fn a_handover_two_died_in_is_still_finished() {
    for case in cases::fencing() {
        let before = case.model.before();
        let once = killed_in_the_first_pause(&case);
        for call in 1..=20 {
            for fault in [Fault::DieInPause, Fault::DieBefore, Fault::FailBefore, Fault::LeftInPause, Fault::SetBack] {
                let what = format!("{}, died in the pause, then {fault:?} {call} calls later", case.name);
                let model = once.copy();
                resume_into(&model, &[(call, fault)]).expect("resume");
                model.sleep(5_000);
                let broken = model.broken();
                // Pods that the controller takes until the rollout is held again cannot be saved.
                let ours: Vec<_> =
                    broken.iter().filter(|law| !law.contains("the StatefulSet controller took")).collect();
                assert_eq!(ours, Vec::<&String>::new(), "{what}");
                if model.entry().state.is_open() && ours.len() == broken.len() {
                    assert_resumable(&model, &case.goal, &before, &what);
                }
            }
        }
    }
}

/// That a rollback is impossible is said once the group has a primary again, and not before: clients wait.
#[test]
fn a_rollback_ends_the_pause_before_it_says_that_there_is_no_way_back() {
    // A single server has no member to switch over to, which is said instead.
    let alone = |case: &Case| case.model.peek().workload.replicas == 1;
    for case in cases::fencing().filter(|case| !alone(case)) {
        let model = killed_in_the_first_pause(&case);
        let back = cases::image(UNREADABLE);
        let reason = |model: &Model| why_no_rollback(&model.entry(), &back, &model.peek(), &Policy::default());
        assert_eq!(reason(&model), None, "{}: there is no primary", case.name);
        resume(&model).expect(case.name);
        assert!(reason(&model).is_some(), "{}: there is a primary", case.name);
    }
}

#[test]
fn a_switchover_with_an_unknown_end_is_finished_at_once() {
    for case in cases::fencing() {
        let before = case.model.before();
        for call in 1..=case.calls() {
            for given_back in [0, 1] {
                let what = format!("{}, unknown at call {call}, given back {given_back} times", case.name);
                let model = case.model.scripted(call, Fault::LeftInPause);
                let model = model.with(|inside| inside.trouble.given_back = given_back);
                let outcome = begin(&model, &case.goal).expect(case.name);
                assert_finished(&model, &case.goal, &before, outcome.as_ref(), &what);
            }
        }
    }
}

#[test]
fn a_handover_given_back_again_and_again_stops_with_the_old_primary_leading() {
    for case in cases::fencing() {
        for model in [case.model.copy(), killed_in_the_first_pause(&case)] {
            let before = case.model.primaries();
            let model = model.with(|inside| inside.trouble.given_back = u32::MAX);
            let taken_up = model.inside().paused.is_some();
            let outcome = if taken_up { resume(&model) } else { begin(&model, &case.goal) }.expect(case.name);
            model.sleep(5_000);
            assert_lawful(&model, case.name);
            let Some(Outcome::Stopped(Stop::NeedsHuman { why, .. })) = outcome else {
                unreachable!("{}: a human is needed, not {outcome:?}", case.name)
            };
            assert!(why.contains("is still the primary"), "{}: {why}", case.name);
            assert_eq!(model.primaries(), before, "{}", case.name);
        }
    }
}

#[test]
fn a_primary_that_crashed_by_itself_is_waited_for_and_no_replica_is_promoted() {
    for case in cases::fencing() {
        let before = case.model.before();
        for call in case.snapshots() {
            let what = format!("{}, the primary crashes at call {call}", case.name);
            let model = case.model.scripted(call, Fault::Crash(0));
            let outcome = begin(&model, &case.goal).expect(case.name);
            assert_finished(&model, &case.goal, &before, outcome.as_ref(), &what);
        }
    }
}

#[test]
fn after_a_death_elsewhere_a_crash_is_no_switchover_to_finish() {
    for case in cases::fencing() {
        let before = case.model.before();
        for call in 1..=case.calls() {
            let what = format!("{}, died at call {call}, and then the primary crashes", case.name);
            let model = case.model.scripted(call, Fault::DieBefore);
            begin(&model, &case.goal).expect(case.name);
            // One that may have begun a switchover asks about it again: rightly, the engine then finds by looking it was not.
            let entry = model.entry();
            let at = |step: usize| matches!(entry.current.steps[step], Step::SwitchOver(_));
            if matches!(entry.state, State::Acting(step) if at(step)) {
                continue;
            }
            model.inside().crash(0);
            assert_resumable(&model, &case.goal, &before, &what);
        }
    }
}
