//! Asked to stop, it begins nothing more, and can be taken up again.

use stateful_operations::journal::State;
use stateful_operations::{Outcome, Stop};

use crate::cases;
use crate::drive::{assert_finished, assert_lawful, assert_resumable, begin};
use crate::model::Fault;

#[test]
fn an_operation_asked_to_stop_does_nothing_more() {
    for case in cases::all() {
        let before = case.model.before();
        for call in 1..=case.calls() {
            let what = format!("{}, interrupted at call {call}", case.name);
            let model = case.model.scripted(call, Fault::Interrupt);
            let outcome = begin(&model, &case.goal).expect(case.name);
            assert_lawful(&model, &what);
            match outcome {
                Some(Outcome::Stopped(Stop::Interrupted { .. })) => {
                    assert_eq!(model.entry().state, State::Stopped, "{what}");
                    assert_resumable(&model, &case.goal, &before, &what);
                }
                // It was the last thing to do, and it was done already.
                outcome => assert_finished(&model, &case.goal, &before, outcome.as_ref(), &what),
            }
        }
    }
}
