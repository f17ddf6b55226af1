//! Killed at any call, before or after it was done, another process finishes it: at once, or when the pods have gone on
//! by themselves.

use crate::cases;
use crate::drive::{assert_lawful, assert_resumable, begin, resume_into};
use crate::model::Fault;

#[test]
fn an_operation_killed_at_any_call_is_finished_by_another() {
    for case in cases::all() {
        let before = case.model.before();
        for call in 1..=case.calls() {
            for (fault, later) in
                [(Fault::DieBefore, 0), (Fault::DieAfter, 0), (Fault::DieAfter, 700), (Fault::DieAfter, 60_000)]
            {
                let what = format!("{}, {fault:?} at call {call}, taken up after {later} ms", case.name);
                let model = case.model.scripted(call, fault);
                let outcome = begin(&model, &case.goal).expect(case.name);
                assert!(outcome.is_none(), "{what}: it did not die: {outcome:?}");
                model.sleep(later);
                assert_lawful(&model, &what);
                assert_resumable(&model, &case.goal, &before, &what);
            }
        }
    }
}

#[test]
fn an_operation_killed_twice_is_still_finished() {
    let case = cases::all().swap_remove(0);
    let before = case.model.before();
    let calls = case.calls();
    for first in (1..=calls).step_by(7) {
        let once = case.model.scripted(first, Fault::DieAfter);
        begin(&once, &case.goal).expect(case.name);
        for second in (1..=calls - first).step_by(11) {
            let what = format!("killed at call {first} and {second} calls later");
            let model = once.copy();
            resume_into(&model, &[(second, Fault::DieBefore)]).expect("resume");
            assert_lawful(&model, &what);
            if model.entry().state.is_open() {
                assert_resumable(&model, &case.goal, &before, &what);
            }
        }
    }
}
