//! Runs operations on the model as the plugin's verbs do.

use std::time::Duration;

use futures::FutureExt;
use stateful_operations::journal::Line;
use stateful_operations::{Goal, Origin, Outcome, Plan, Refusal, TimeLimits, execute, make_plan, plan_remaining};
use stateful_safety::{Millis, Policy, Reason};

use crate::model::{Before, Fault, Model};

/// A step gets a minute; nothing in the model takes longer than a few seconds unless something is wrong.
pub(crate) const LIMITS: TimeLimits = TimeLimits { whole: None, step: Duration::from_mins(1) };

/// What would be done towards a goal.
pub(crate) fn plan(model: &Model, goal: &Goal) -> Result<Plan, Refusal> {
    let snapshot = model.peek();
    make_plan(goal, &snapshot, Origin::of(&snapshot), &Policy::default())
}

/// Draws up and runs a goal; `None` when the process died. What is refused at once is an error.
pub(crate) fn begin(model: &Model, goal: &Goal) -> Result<Option<Outcome>, Refusal> {
    Ok(open(model, plan(model, goal)?))
}

/// The same in a journal of its own, with an origin found elsewhere.
pub(crate) fn carry_out(model: &Model, goal: &Goal, origin: Origin) -> Result<Option<Outcome>, Refusal> {
    let plan = make_plan(goal, &model.peek(), origin, &Policy::default())?;
    let mut inside = model.inside();
    inside.journal.clear();
    inside.state = None;
    drop(inside);
    Ok(open(model, plan))
}

/// Opens the journal and runs a plan.
pub(crate) fn open(model: &Model, plan: Plan) -> Option<Outcome> {
    open_only(model, &plan);
    run(model, plan)
}

/// Opens the journal with a plan.
pub(crate) fn open_only(model: &Model, plan: &Plan) {
    model.write(Line::Opened {
        verb: "upgrade".to_owned(),
        by: "me".to_owned(),
        tool: "0".to_owned(),
        plan: plan.clone(),
    });
}

/// Takes an unfinished operation up.
pub(crate) fn resume(model: &Model) -> Result<Option<Outcome>, Refusal> {
    resume_into(model, &[])
}

/// The same, with something going wrong so many calls later: observes again and plans what is left, once every member
/// is in sync.
pub(crate) fn resume_into(model: &Model, script: &[(usize, Fault)]) -> Result<Option<Outcome>, Refusal> {
    model.heal(script);
    let entry = model.entry();
    assert!(entry.state.is_open(), "there is nothing to resume: {:?}", entry.state);
    let goal = entry.plan.goal.clone();
    let mut patience: Millis = 60_000;
    let plan = loop {
        match plan_remaining(&entry, &goal, &model.peek(), &Policy::default()) {
            Ok(plan) => break plan,
            Err(Refusal::Nothing(_)) => break Plan { steps: Vec::new(), ..entry.plan },
            Err(Refusal::Unsafe(reasons)) if patience > 0 && reasons.iter().all(Reason::may_pass) => {
                model.sleep(200);
                patience -= 200;
            }
            Err(refusal) => return Err(refusal),
        }
    };
    model.write(Line::Replanned { by: "you".to_owned(), why: "resumed".to_owned(), plan: plan.clone() });
    Ok(run(model, plan))
}

fn run(model: &Model, plan: Plan) -> Option<Outcome> {
    run_within(model, plan, LIMITS)
}

/// Runs a plan under an open journal, within these limits.
pub(crate) fn run_within(model: &Model, plan: Plan, limits: TimeLimits) -> Option<Outcome> {
    // The model answers at once or never, so one poll runs an operation to its end, or to where its process died.
    let outcome = execute(model, plan, &Policy::default(), limits, "me").now_or_never();
    if let Some(Outcome::Finished) = outcome {
        model.write(Line::Finished { canary: None });
    }
    outcome
}

/// Nothing unsafe was done, and the journal can be read.
pub(crate) fn assert_lawful(model: &Model, what: &str) {
    assert_eq!(model.broken(), Vec::<String>::new(), "{what}");
    model.entry();
}

/// It reached its goal, lawfully, and what it left behind stays lawful: the controller has its decision back.
pub(crate) fn assert_finished(model: &Model, goal: &Goal, before: &Before, outcome: Option<&Outcome>, what: &str) {
    model.sleep(5_000);
    assert_lawful(model, what);
    assert!(matches!(outcome, Some(Outcome::Finished)), "{what}: {outcome:?}");
    assert_eq!(model.missing(goal, before), Vec::<String>::new(), "{what}");
    assert!(!model.entry().state.is_open(), "{what}: its journal is still open");
}

/// Takes it up and finds it finished.
pub(crate) fn assert_resumable(model: &Model, goal: &Goal, before: &Before, what: &str) {
    let outcome = resume(model);
    let outcome = outcome.map_err(|refusal| format!("{what}: resume was refused: {refusal:?}")).expect("resume");
    assert_finished(model, goal, before, outcome.as_ref(), what);
}
