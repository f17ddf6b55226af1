//! Commits that wait for no standby wait for one while an operation takes members away, and for none afterwards, whatever
//! becomes of the operation.

use stateful_operations::{Action, Goal};
use stateful_safety::SyncReplication;

use crate::cases::{image, surging};
use crate::drive::{assert_finished, assert_resumable, begin, plan, resume};
use crate::model::{Fault, Model, NEWER_MINOR};

/// Worlds in which a standby may be away and another has the commits.
fn worlds() -> [(Model, Goal); 2] {
    [(Model::asynchronous(2), image(NEWER_MINOR)), (Model::asynchronous(1), surging(NEWER_MINOR))]
}

#[test]
fn no_member_is_taken_away_and_no_role_moves_while_commits_wait_for_no_standby() {
    for (model, goal) in worlds() {
        let before = model.before();
        let outcome = begin(&model, &goal).expect("a plan");
        assert_finished(&model, &goal, &before, outcome.as_ref(), "asynchronous");
        let inside = model.inside();
        assert_eq!(inside.watch.unguarded, Vec::<String>::new());
        assert!(inside.watch.acts.contains(&format!("{:?}", Action::BeginTemporarySync)), "{:?}", inside.watch.acts);
        assert_eq!(inside.synchrony, SyncReplication::Asynchronous, "as before");
    }
}

#[test]
fn a_death_at_any_call_leaves_nothing_that_resume_does_not_put_back() {
    for (model, goal) in worlds() {
        let before = model.before();
        let calls = {
            let whole = model.copy();
            begin(&whole, &goal).expect("a plan");
            whole.inside().calls
        };
        let mut left = 0;
        for call in 1..=calls {
            for fault in [Fault::DieBefore, Fault::DieAfter, Fault::DieInPause] {
                let model = model.scripted(call, fault);
                begin(&model, &goal).expect("a plan");
                if model.entry().state.is_open() {
                    left += u32::from(model.inside().synchrony == SyncReplication::ForTheDuration);
                    assert_resumable(&model, &goal, &before, &format!("{fault:?} at call {call}"));
                }
                assert_eq!(model.inside().synchrony, SyncReplication::Asynchronous, "{fault:?} at call {call}");
                assert_eq!(model.inside().watch.unguarded, Vec::<String>::new(), "{fault:?} at call {call}");
            }
        }
        assert!(left > 30, "it was in force at {left} deaths only");
    }
}

#[test]
fn with_one_standby_every_commit_would_hang_while_it_is_away_so_it_stays_and_the_plan_says_so() {
    let model = Model::asynchronous(1);
    let drawn = plan(&model, &image(NEWER_MINOR)).expect("a plan");
    assert!(!drawn.steps.iter().any(|step| step.to_string().contains("wait")), "{:?}", drawn.steps);
    assert!(
        drawn.notes.iter().any(|note| note.contains("1 standbys") && note.contains("--surge")),
        "{:?}",
        drawn.notes
    );
    let before = model.before();
    let outcome = begin(&model, &image(NEWER_MINOR)).expect("a plan");
    assert_finished(&model, &image(NEWER_MINOR), &before, outcome.as_ref(), "one standby");
}

#[test]
fn what_an_operation_left_behind_is_put_back_by_the_next_one() {
    let model = Model::asynchronous(2).with(|inside| inside.synchrony = SyncReplication::ForTheDuration);
    let before = model.before();
    let outcome = begin(&model, &image(NEWER_MINOR)).expect("a plan");
    assert_finished(&model, &image(NEWER_MINOR), &before, outcome.as_ref(), "left behind");
}

#[test]
fn a_rule_that_a_user_declared_is_left_alone() {
    let model = Model::fencing();
    begin(&model, &image(NEWER_MINOR)).expect("a plan");
    assert!(
        !model.inside().watch.acts.iter().any(|act| act.contains("TemporarySync")),
        "{:?}",
        model.inside().watch.acts
    );
    assert!(!model.entry().state.is_open() || resume(&model).is_ok());
}
