//! A member more for the duration: it is the first to run the new template, it is removed only while it does not lead, and
//! no other member is ever scaled away.

use stateful_operations::{Outcome, Refusal, Stop, rollback_goal};
use stateful_safety::Reason;

use crate::cases::surging;
use crate::drive::{assert_finished, assert_lawful, begin, carry_out, plan, resume};
use crate::model::{Fault, Model, NEWER_MINOR};

#[test]
fn an_image_that_cannot_be_pulled_is_found_out_on_the_added_member_and_going_back_removes_it() {
    let model = Model::fencing().with(|inside| inside.trouble.bad_image = Some(NEWER_MINOR.to_owned()));
    let before = model.before();
    let outcome = begin(&model, &surging(NEWER_MINOR)).expect("a plan");
    assert_lawful(&model, "a bad image");
    let Some(Outcome::Stopped(Stop::NeedsHuman { step, why, .. })) = outcome else {
        unreachable!("a human is needed, not {outcome:?}")
    };
    assert!(step.starts_with("add redis-3") && why.contains("ImagePullBackOff"), "{step}: {why}");
    let acts = model.inside().watch.acts.clone();
    assert!(!acts.iter().any(|act| act.starts_with("Evict")), "no member was touched: {acts:?}");

    let back = rollback_goal(&model.entry(), "redis");
    let outcome = carry_out(&model, &back, model.entry().plan.origin).expect("going back is not refused");
    assert_finished(&model, &back, &before, outcome.as_ref(), "going back");
    let acts = model.inside().watch.acts.clone();
    assert!(!acts.iter().any(|act| act.starts_with("Evict") || act.starts_with("SwitchOver")), "{acts:?}");
}

#[test]
fn a_single_server_that_was_upgraded_with_a_member_more_goes_back_with_one() {
    let model = Model::fencing_alone();
    let before = model.before();
    let old = model.inside().image.clone();
    let goal = surging(NEWER_MINOR);
    let outcome = begin(&model, &goal).expect("a plan");
    assert_finished(&model, &goal, &before, outcome.as_ref(), "the upgrade");
    let back = rollback_goal(&model.entry(), "redis");
    let outcome = carry_out(&model, &back, model.entry().plan.origin).expect("going back is not refused");
    assert_finished(&model, &back, &before, outcome.as_ref(), "going back");
    assert_eq!(model.inside().image, old);
}

#[test]
fn an_added_member_that_leads_hands_over_before_it_goes() {
    let model = Model::fencing();
    let before = model.before();
    let calls = {
        let whole = model.copy();
        begin(&whole, &surging(NEWER_MINOR)).expect("a plan");
        whole.inside().calls
    };
    let mut led = 0;
    for call in 1..=calls {
        let model = model.scripted(call, Fault::DieBefore);
        begin(&model, &surging(NEWER_MINOR)).expect("a plan");
        let Some(added) = added_and_well(&model) else { continue };
        led += 1;
        model.inside().promote(added);
        model.inside().routed = Some("redis-3".to_owned());
        model.sleep(5_000);
        let outcome = resume(&model).expect("it is taken up");
        let what = format!("the added member leads from call {call} on");
        assert_finished(&model, &surging(NEWER_MINOR), &before, outcome.as_ref(), &what);
    }
    assert!(led > 10, "it was there for {led} calls only");
}

/// The extra replica, once every member is in sync.
fn added_and_well(model: &Model) -> Option<usize> {
    let inside = model.inside();
    let well = inside.paused.is_none() && inside.pods.iter().all(|pod| inside.is_well(pod));
    (well && inside.replicas == 4 && inside.pods.len() == 4).then_some(3)
}

#[test]
fn another_client_that_scales_meanwhile_is_not_overruled_and_no_other_member_is_lost() {
    let model = Model::fencing();
    let whole = model.copy();
    begin(&whole, &surging(NEWER_MINOR)).expect("a plan");
    let snapshots = whole.inside().snapshots.clone();
    for call in snapshots {
        for declared in [3, 4, 5] {
            let what = format!("scaled to {declared} at call {call}");
            let model = model.scripted(call, Fault::Scaled(declared));
            let outcome = begin(&model, &surging(NEWER_MINOR)).expect("a plan");
            model.sleep(5_000);
            let broken = model.broken();
            let ours: Vec<_> = broken.iter().filter(|law| !law.contains("another client took")).collect();
            assert_eq!(ours, Vec::<&String>::new(), "{what}");
            assert!(matches!(outcome, Some(Outcome::Finished)), "{what}: {outcome:?}");
            let inside = model.inside();
            assert!((3..=5).contains(&inside.replicas), "{what}: {}", inside.replicas);
            assert!(inside.pods.iter().all(|pod| inside.is_well(pod)), "{what}");
            assert!(inside.pods.iter().all(|pod| pod.image == NEWER_MINOR), "{what}");
        }
    }
}

#[test]
fn commits_that_are_short_of_a_member_while_one_is_away_are_not_with_one_more() {
    let model = Model::fencing().with(|inside| inside.write_quorum = 3);
    let before = model.before();
    let without = plan(&model, &crate::cases::image(NEWER_MINOR));
    let Err(Refusal::Unsafe(reasons)) = without else { unreachable!("refused, not {without:?}") };
    assert!(reasons.iter().any(|reason| reason.code() == "STF-DB-008"), "{reasons:?}");
    let outcome = begin(&model, &surging(NEWER_MINOR)).expect("a plan");
    assert_finished(&model, &surging(NEWER_MINOR), &before, outcome.as_ref(), "one more");
}

#[test]
fn an_engine_that_admits_no_member_by_itself_refuses_it() {
    let refused = plan(&Model::cluster(3, 1), &surging(crate::model::NEW));
    let Err(Refusal::Unsafe(reasons)) = refused else { unreachable!("refused, not {refused:?}") };
    assert_eq!(reasons.iter().map(Reason::code).collect::<Vec<_>>(), ["STF-DB-025"]);
}
