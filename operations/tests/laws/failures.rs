//! Whatever call fails, it stops where it is safe, says so, and can be taken up again.

use stateful_operations::journal::State;
use stateful_operations::{Outcome, Stop};

use crate::cases;
use crate::drive::{assert_finished, assert_lawful, assert_resumable, begin};
use crate::model::Fault;

#[test]
fn a_call_that_fails_stops_it_safely() {
    for case in cases::all() {
        let before = case.model.before();
        for call in 1..=case.calls() {
            for fault in [Fault::FailBefore, Fault::FailAfter] {
                let what = format!("{}, {fault:?} at call {call}", case.name);
                let model = case.model.scripted(call, fault);
                let outcome = begin(&model, &case.goal).expect(case.name);
                assert_lawful(&model, &what);
                assert!(matches!(outcome, Some(Outcome::Stopped(Stop::World(_)))), "{what}: {outcome:?}");
                assert_eq!(model.entry().state, State::Stopped, "{what}");
                assert!(model.entry().note.is_some_and(|why| why.contains("something broke")), "{what}");
                assert_resumable(&model, &case.goal, &before, &what);
            }
        }
    }
}

#[test]
fn an_api_server_that_is_away_for_a_while_is_waited_for() {
    for case in cases::all() {
        let before = case.model.before();
        for call in 1..=case.calls() {
            for fault in [Fault::Away(3_000), Fault::AnswerLost(3_000)] {
                let what = format!("{}, {fault:?} at call {call}", case.name);
                let model = case.model.scripted(call, fault);
                let outcome = begin(&model, &case.goal).expect(case.name);
                assert_finished(&model, &case.goal, &before, outcome.as_ref(), &what);
            }
        }
    }
}

#[test]
fn an_api_server_that_stays_away_ends_in_out_of_time() {
    let case = cases::all().swap_remove(0);
    let before = case.model.before();
    // The first call is a look: an act whose answer is lost is no different, for it is looked for as well.
    let model = case.model.scripted(1, Fault::Away(600_000));
    let outcome = begin(&model, &case.goal).expect(case.name);
    assert_lawful(&model, case.name);
    assert!(matches!(outcome, Some(Outcome::Stopped(Stop::TimedOut { .. }))), "{outcome:?}");
    assert_resumable(&model, &case.goal, &before, case.name);
}
