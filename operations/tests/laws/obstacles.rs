//! What is the matter for longer than a call: it waits where waiting helps, and stops with the right word where not.

use std::time::Duration;

use stateful_cluster::changes::rollout::TemplateChange;
use stateful_engines::mongodb::{Balancer, Part, Sharding};
use stateful_operations::{Goal, Outcome, Plan, Refusal, Step, Stop, Surge, TimeLimits, What, journal};
use stateful_safety::{Policy, Reason};

use crate::cases::image;
use crate::drive::{
    LIMITS, assert_finished, assert_lawful, assert_resumable, begin, carry_out, open, open_only, plan, run_within,
};
use crate::model::{Life, Model, NEW, NEWER_MINOR, OLD};

/// What it said it was waiting for.
fn waited_for(model: &Model, words: &str) -> bool {
    model.inside().reported.iter().any(|what| matches!(what, What::StepWaiting { why, .. } if why.contains(words)))
}

#[test]
fn a_replica_that_never_comes_back_runs_out_of_time_and_no_other_member_is_touched() {
    let model = Model::cluster(3, 1).with(|inside| inside.trouble.never_returns = Some("redis-0".to_owned()));
    let before = model.before();
    let outcome = begin(&model, &image(NEW)).expect("a plan");
    assert_lawful(&model, "never back");
    let Some(Outcome::Stopped(Stop::TimedOut { step, waiting_for, .. })) = outcome else {
        unreachable!("out of time, not {outcome:?}")
    };
    assert_eq!(step, "replace redis-0");
    assert!(waiting_for.contains("redis-0"), "{waiting_for}");
    let evictions = model.inside().watch.acts.iter().filter(|act| act.starts_with("Evict")).count();
    assert_eq!(evictions, 1, "no other member was touched");

    // Its node comes back: the operation is taken up and finished.
    let mut inside = model.inside();
    inside.trouble.never_returns = None;
    let now = inside.now;
    inside.pods[0].life = Life::Starting { until: now };
    drop(inside);
    assert_resumable(&model, &image(NEW), &before, "back at last");
}

/// Whatever the broken member's group looks like: with a second replica, there is one that could lead, and everything
/// about that one waits until the broken one is mended.
#[test]
fn an_image_that_cannot_be_pulled_needs_a_human_and_the_old_one_comes_back() {
    for (what, model) in [
        ("a replica each", Model::cluster(3, 1)),
        ("two replicas each", Model::cluster(3, 2)),
        ("one group of three", Model::cluster(1, 2)),
    ] {
        comes_back(what, &model.with(|inside| inside.trouble.bad_image = Some(NEW.to_owned())), NEW);
    }
    let fencing = Model::fencing().with(|inside| inside.trouble.bad_image = Some(NEWER_MINOR.to_owned()));
    comes_back("one that fences", &fencing, NEWER_MINOR);
}

fn comes_back(what: &str, model: &Model, bad: &str) {
    let before = model.before();
    let old = model.inside().image.clone();
    let outcome = begin(model, &image(bad)).expect("a plan");
    assert_lawful(model, what);
    let Some(Outcome::Stopped(Stop::NeedsHuman { why, .. })) = outcome else {
        unreachable!("{what}: a human is needed, not {outcome:?}")
    };
    assert!(why.contains("ImagePullBackOff") && why.contains(bad), "{what}: {why}");

    let change = TemplateChange::Image { container: "redis".to_owned(), image: old };
    let back = Goal::Upgrade { change: Some(change), restore_primaries: false, repair: true, surge: Surge::No };
    let origin = model.entry().plan.origin;
    let outcome = carry_out(model, &back, origin);
    let outcome = outcome.map_err(|refusal| format!("{what}: {refusal:?}")).expect("going back is not refused");
    assert_finished(model, &back, &before, outcome.as_ref(), what);
    let acts = model.inside().watch.acts.clone();
    assert!(!acts.iter().any(|act| act.starts_with("SwitchOver")), "{what}: no primary had to switch over: {acts:?}");
}

/// Another client's rollout has left the one replica in a pod that cannot start, and writes wait for a replica. Taking that
/// pod away takes nothing more from them; a replica that may have started is another matter.
#[test]
fn a_group_short_of_a_member_gets_it_back_from_the_pod_that_never_started() {
    let short_by = |life: Life| {
        Model::cluster(1, 1).with(|inside| {
            inside.write_quorum = 2;
            NEW.clone_into(&mut inside.image);
            let new = inside.revision();
            let pod = &mut inside.pods[0];
            assert!(!pod.leads, "the first is the replica");
            NEW.clone_into(&mut pod.image);
            (pod.revision, pod.life) = (new, life);
        })
    };
    let change = TemplateChange::Image { container: "redis".to_owned(), image: OLD.to_owned() };
    let back = Goal::Upgrade { change: Some(change), restore_primaries: false, repair: true, surge: Surge::No };
    let model = short_by(Life::Stuck("ErrImagePull"));
    let before = model.before();
    let outcome = begin(&model, &back).expect("a plan");
    assert_finished(&model, &back, &before, outcome.as_ref(), "writes wait for the pod that never started");

    let refused = plan(&short_by(Life::Starting { until: i64::MAX }), &back);
    let Err(Refusal::Unsafe(reasons)) = refused else { unreachable!("refused, not {refused:?}") };
    assert_eq!(reasons.iter().map(Reason::code).collect::<Vec<_>>(), ["STF-DB-008"], "one that may have started");
}

/// A sharded cluster's. It is asked about before each member, not at the beginning alone.
#[test]
fn a_balancer_that_is_turned_on_meanwhile_stops_an_upgrade_and_turned_off_again_lets_it_go_on() {
    let shards = |balancer| {
        let part = Part::ConfigServers { shards: vec!["shop-a".to_owned()] };
        Some(Sharding { part, balancer, leaving: Vec::new() })
    };
    let on = Model::cluster(1, 2).with(|inside| inside.sharding = shards(Balancer::On));
    let Err(Refusal::Unsafe(reasons)) = plan(&on, &image(NEW)) else { unreachable!("it is refused") };
    assert_eq!(reasons.iter().map(Reason::code).collect::<Vec<_>>(), ["STF-MG-008"]);
    assert!(plan(&on, &Goal::Switchover { member: "redis-0".to_owned() }).is_ok(), "who leads is the set's own matter");

    let model = Model::cluster(1, 2).with(|inside| {
        inside.sharding = shards(Balancer::Off);
        inside.trouble.balances_after_eviction = true;
    });
    let before = model.before();
    let outcome = begin(&model, &image(NEW)).expect("a plan");
    assert_lawful(&model, "the balancer is turned on");
    let Some(Outcome::Stopped(Stop::NeedsHuman { why, .. })) = outcome else {
        unreachable!("a human is needed, not {outcome:?}")
    };
    assert!(why.contains("STF-MG-008"), "{why}");
    let evictions = model.inside().watch.acts.iter().filter(|act| act.starts_with("Evict")).count();
    assert_eq!(evictions, 1, "no other member was touched");
    model.inside().trouble.balances_after_eviction = false;
    assert_resumable(&model, &image(NEW), &before, "turned off again");
}

#[test]
fn a_handover_refused_twice_is_asked_for_again() {
    let model = Model::cluster(3, 1).with(|inside| inside.trouble.refused_switchovers = 2);
    let before = model.before();
    let outcome = begin(&model, &image(NEW)).expect("a plan");
    assert_finished(&model, &image(NEW), &before, outcome.as_ref(), "refused twice");
}

#[test]
fn a_handover_refused_three_times_needs_a_human() {
    let model = Model::cluster(3, 1).with(|inside| inside.trouble.refused_switchovers = 3);
    let before = model.before();
    let outcome = begin(&model, &image(NEW)).expect("a plan");
    assert_lawful(&model, "refused three times");
    let Some(Outcome::Stopped(Stop::NeedsHuman { why, .. })) = outcome else {
        unreachable!("a human is needed, not {outcome:?}")
    };
    assert!(why.contains("the manual failover timed out"), "{why}");
    let asked = model.inside().watch.acts.iter().filter(|act| act.starts_with("SwitchOver")).count();
    assert_eq!(asked, 3);
    assert_resumable(&model, &image(NEW), &before, "once it no longer refuses");
}

#[test]
fn an_eviction_a_budget_refuses_is_waited_for() {
    let model = Model::cluster(3, 1).with(|inside| inside.trouble.budget_until = inside.now + 20_000);
    let before = model.before();
    let outcome = begin(&model, &image(NEW)).expect("a plan");
    assert_finished(&model, &image(NEW), &before, outcome.as_ref(), "a budget");
    assert!(waited_for(&model, "the budget shop/redis allows none"));
}

#[test]
fn a_budget_that_never_allows_it_runs_out_of_time() {
    let model = Model::cluster(3, 1).with(|inside| inside.trouble.budget_until = i64::MAX);
    let outcome = begin(&model, &image(NEW)).expect("a plan");
    assert_lawful(&model, "a budget for ever");
    assert!(matches!(outcome, Some(Outcome::Stopped(Stop::TimedOut { .. }))), "{outcome:?}");
}

/// A plan is drawn up while all is well, and the successor falls behind just before its switchover.
fn lagging(until: i64) -> (Model, Plan) {
    let model = Model::cluster(3, 2);
    let plan = plan(&model, &Goal::Switchover { member: "redis-3".to_owned() }).expect("a plan");
    let model = model.with(|inside| {
        let until = if until == i64::MAX { until } else { inside.now + until };
        inside.trouble.lag = Some(("redis-3".to_owned(), 2 << 20, until));
    });
    (model, plan)
}

#[test]
fn a_successor_too_far_behind_holds_the_handover_back() {
    let (model, plan) = lagging(5_000);
    let (goal, before) = (plan.goal.clone(), model.before());
    let outcome = open(&model, plan);
    assert_finished(&model, &goal, &before, outcome.as_ref(), "a lag of five seconds");
    assert!(waited_for(&model, "redis-3 is 2097152 bytes behind its primary, the limit is 1048576"));
}

#[test]
fn a_successor_that_stays_behind_never_leads() {
    let (model, plan) = lagging(i64::MAX);
    let outcome = open(&model, plan);
    assert_lawful(&model, "a lag for ever");
    assert!(matches!(outcome, Some(Outcome::Stopped(Stop::TimedOut { .. }))), "{outcome:?}");
    assert!(model.inside().watch.acts.is_empty());
}

#[test]
fn roles_that_do_not_stop_moving_need_a_human() {
    let model = Model::cluster(3, 1).with(|inside| inside.trouble.flapping = Some(1));
    let outcome = begin(&model, &image(NEW)).expect("a plan");
    assert_lawful(&model, "flapping");
    let stopped = matches!(outcome, Some(Outcome::Stopped(Stop::NeedsHuman { .. } | Stop::TimedOut { .. })));
    assert!(stopped, "{outcome:?}");
}

#[test]
fn an_operation_has_its_time_and_what_is_left_can_be_taken_up() {
    let model = Model::cluster(3, 1);
    let before = model.before();
    let plan = plan(&model, &image(NEW)).expect("a plan");
    open_only(&model, &plan);
    let limits = TimeLimits { whole: Some(Duration::from_secs(5)), ..LIMITS };
    let outcome = run_within(&model, plan, limits);
    assert_lawful(&model, "five seconds");
    let Some(Outcome::Stopped(Stop::TimedOut { after, .. })) = outcome else {
        unreachable!("out of time, not {outcome:?}")
    };
    assert_eq!(after, Duration::from_secs(5));
    assert_resumable(&model, &image(NEW), &before, "with more time");
}

#[test]
fn a_journal_this_version_cannot_know_is_not_followed() {
    let model = Model::cluster(3, 1);
    begin(&model, &image(NEW)).expect("a plan");
    let lines = model.inside().journal.clone();
    let mut newer = lines.clone();
    newer[0] = newer[0].replace("\"format\":1", "\"format\":2");
    let refused = journal::read("one", &newer).map(|entry| entry.id);
    assert_eq!(refused, Err("its plan is of format 2, this version reads 1".to_owned()));
    let mut strange = lines.clone();
    strange[1] = "{\"at\":1,\"event\":\"danced\"}".to_owned();
    assert!(journal::read("one", &strange).is_err_and(|why| why.starts_with("line 2 cannot be read")));
    let mut torn = lines.clone();
    torn.remove(0);
    assert!(journal::read("one", &torn).is_err(), "it does not open with a plan");
    assert!(journal::read("one", &[]).is_err(), "it is empty");
    assert!(journal::read("one", &lines).is_ok());
}

/// The model is no blind watchman: leave the hold out of a plan, and the StatefulSet controller takes primaries.
#[test]
fn without_the_hold_the_controller_would_take_a_primary() {
    let model = Model::cluster(3, 1);
    let mut plan = plan(&model, &image(NEW)).expect("a plan");
    plan.steps.retain(|step| !matches!(step, Step::HoldRollout));
    open(&model, plan);
    let broken = model.broken();
    let taken = |law: &String| law.contains("the StatefulSet controller took") && law.contains("leads its group");
    assert!(broken.iter().any(taken), "{broken:?}");
}

#[test]
fn a_plan_is_refused_once_what_it_saw_has_moved() {
    let model = Model::cluster(3, 1);
    let plan = plan(&model, &image(NEW)).expect("a plan");
    assert_eq!(plan.still_fits(&model.peek()), Ok(()));
    model.inside().fail_over(0);
    model.sleep(5_000);
    assert!(plan.still_fits(&model.peek()).is_err());
    let anew = stateful_operations::make_plan(&plan.goal, &model.peek(), plan.origin.clone(), &Policy::default());
    assert_ne!(anew.expect("a plan").hash(), plan.hash());
}
