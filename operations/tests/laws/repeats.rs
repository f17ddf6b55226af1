//! Twice is once.

use stateful_operations::Refusal;

use crate::cases;
use crate::drive::{assert_finished, begin};

#[test]
fn an_operation_reaches_its_goal_and_breaks_no_law() {
    for case in cases::all() {
        let before = case.model.before();
        let outcome = begin(&case.model, &case.goal).expect(case.name);
        assert_eq!(case.model.missing(&case.goal, &before), Vec::<String>::new(), "{}: at its end", case.name);
        assert_finished(&case.model, &case.goal, &before, outcome.as_ref(), case.name);
    }
}

#[test]
fn what_is_done_is_not_done_again() {
    for case in cases::all() {
        let model = case.model.copy();
        begin(&model, &case.goal).expect(case.name);
        let acts = model.inside().watch.acts.len();
        model.sleep(10_000);
        let again = begin(&model, &case.goal);
        assert!(matches!(again, Err(Refusal::Nothing(_))), "{}: {again:?}", case.name);
        assert_eq!(model.inside().watch.acts.len(), acts, "{}", case.name);
    }
}
