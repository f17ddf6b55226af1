//! `resume`: go on with an operation that stopped, or whose machine died.

use std::time::{Duration, Instant};

use clap::Args;
use stateful_operations::journal::Entry;
use stateful_operations::{Goal, Origin, Plan, Refusal, World, for_moving, make_plan, plan_remaining};
use stateful_safety::Policy;

use crate::cli::{OperationArgs, OperationFlags};
use crate::context::{Context, Opened, policy};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::operation::{Operation, agreed, conclude, must_be_able_to_ask, run as run_operation, take_over};
use crate::verb::{Rights, Verb};

/// Between two looks while members come back.
const POLL: Duration = Duration::from_millis(500);

/// The row of `resume`.
pub(super) const VERB: Verb = Verb {
    name: "resume",
    about: "Go on with an operation that stopped or whose machine died",
    examples: "\
  kubectl stateful resume redis -n shop    # shows what is left and asks
  kubectl stateful history redis -n shop   # who began it, and how far it came",
    arguments: OperationArgs::augment_args,
    rights: Rights::Namespace(|| for_moving(false)),
    past_tense: Some("finished"),
    run: |call| Box::pin(async move { run(&call.context().await?, &call.args()?).await }),
};

async fn run(context: &Context, args: &OperationArgs) -> Result<Exit, Failure> {
    must_be_able_to_ask(&args.operation)?;
    context.need(&context.cluster.namespace, &for_moving(context.cluster.inside)).await?;
    let opened = context.open(&args.target).await?;
    let entry = unfinished(context, &opened).await?;
    take_over(context, &opened, &entry).await?;
    for told in opened.live.resume_poolers(&opened.workload).await {
        context.printer.note(&told);
    }
    let goal = mending(entry.current.goal.clone());
    carry_on(context, &opened, &VERB, &goal, entry.plan.origin.clone(), Some(&entry), &args.operation).await
}

/// What an operation left broken is its own to mend: a member that never became well is replaced first, once the
/// template or the image has been put right.
fn mending(goal: Goal) -> Goal {
    match goal {
        Goal::Upgrade { change, restore_primaries, repair: _, surge } => {
            Goal::Upgrade { change, restore_primaries, repair: true, surge }
        }
        goal @ (Goal::EvacuateNode { .. } | Goal::Switchover { .. } | Goal::Finalize { .. }) => goal,
    }
}

/// Draws up what is left towards a goal, asks, and does it; lets go of the workload when it comes to nothing.
pub(super) async fn carry_on(
    context: &Context,
    opened: &Opened,
    verb: &'static Verb,
    goal: &Goal,
    origin: Origin,
    resumed: Option<&Entry>,
    flags: &OperationFlags,
) -> Result<Exit, Failure> {
    let left = Left { goal, origin, resumed, policy: &policy(&flags.policy) };
    let drawn = what_is_left(context, opened, &left, flags.step_timeout).await;
    let plan = match drawn {
        Ok(plan) if agreed(context, &plan, flags) => plan,
        Ok(_) => {
            opened.live.let_go().await?;
            return Err(Failure::declined());
        }
        Err(failure) => {
            opened.live.let_go().await?;
            return Err(failure);
        }
    };
    let report = run_operation(context, Operation { verb, opened, plan, resumed, flags }).await?;
    Ok(conclude(context, opened, &report))
}

/// The operation to go on with.
pub(super) async fn unfinished(context: &Context, opened: &Opened) -> Result<Entry, Failure> {
    let open = opened.live.history(&opened.workload).await?.into_iter().rev().find(|entry| entry.state.is_open());
    open.ok_or_else(|| {
        Failure::new(Exit::Error, format!("{} has no unfinished operation", opened.workload.id))
            .hint(format!("see what was done: kubectl stateful history {}", context.typed(&opened.workload)))
    })
}

/// What the rest of an operation is drawn up from, beside the look.
struct Left<'a> {
    goal: &'a Goal,
    origin: Origin,
    /// The operation, where it is unfinished: it may have died in a switchover.
    resumed: Option<&'a Entry>,
    policy: &'a Policy,
}

/// Looks until a plan can be drawn up: a member that was on its way when the operation stopped may still be coming back.
async fn what_is_left(
    context: &Context,
    opened: &Opened,
    left: &Left<'_>,
    patience: Duration,
) -> Result<Plan, Failure> {
    let Left { goal, origin, resumed, policy } = left;
    let started = Instant::now();
    let mut said = String::new();
    loop {
        let snapshot = opened.live.snapshot().await?;
        let drawn = match resumed {
            Some(entry) => plan_remaining(entry, goal, &snapshot, policy),
            None => make_plan(goal, &snapshot, origin.clone(), policy),
        };
        let reasons = match drawn {
            Ok(plan) => return Ok(plan),
            Err(Refusal::Nothing(_)) => {
                let plan = stateful_operations::draft_plan(goal, &snapshot, origin.clone(), policy);
                return Ok(Plan { steps: Vec::new(), ..plan });
            }
            Err(Refusal::Unsafe(reasons)) => reasons,
        };
        let target = context.typed(&snapshot.workload);
        if let Some(lasting) = reasons.iter().find(|reason| !reason.may_pass()) {
            return Err(Failure::blocked(format!("{lasting} ({})", lasting.code())).hint(lasting.next_step(&target)));
        }
        let first = reasons.first().map(|reason| format!("{reason} ({})", reason.code())).unwrap_or_default();
        if started.elapsed() >= patience {
            let back = format!(
                "go on with it later: kubectl stateful resume {target}; what changes the image can also be rolled back"
            );
            return Err(Failure::new(
                Exit::TimedOut,
                format!("out of time after {patience:?}, still waiting: {first}"),
            )
            .hint(back));
        }
        if said != first {
            context.printer.note(&format!("waiting: {first}"));
            said = first;
        }
        if opened.live.pause(POLL).await {
            return Err(Failure::new(Exit::Interrupted, "interrupted"));
        }
    }
}
