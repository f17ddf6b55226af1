//! `resume`: goes on with an operation that stopped, or whose machine died.

use clap::Args;
use stateful_operations::journal::Entry;
use stateful_operations::{Goal, for_moving};

use crate::cli::OperationArgs;
use crate::context::{Context, Opened};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::operation::{Console, must_be_able_to_ask};
use crate::verb::{Rights, Verb};

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
    must_be_able_to_ask(&args.operation.confirm)?;
    context.need(&context.cluster.namespace, &for_moving(context.cluster.inside)).await?;
    let opened = context.open(&args.target).await?;
    let entry = unfinished(context, &opened).await?;
    let console = Console::new(context, &opened, &VERB, &args.operation);
    console.take_over(&entry).await?;
    for note in opened.live.resume_poolers(&opened.workload).await {
        context.printer.note(&note);
    }
    let goal = mending(entry.current.goal.clone());
    console.go_on(&goal, &entry.plan.origin, Some(&entry)).await
}

/// A resumed upgrade repairs what it left broken: a member that never started well is replaced first, once the template or
/// the image has been corrected.
fn mending(goal: Goal) -> Goal {
    match goal {
        Goal::Upgrade { change, restore_primaries, repair: _, surge } => {
            Goal::Upgrade { change, restore_primaries, repair: true, surge }
        }
        goal @ (Goal::EvacuateNode { .. } | Goal::Switchover { .. } | Goal::Finalize { .. }) => goal,
    }
}

/// The operation to go on with.
pub(super) async fn unfinished(context: &Context, opened: &Opened) -> Result<Entry, Failure> {
    let open = opened.live.history().await?.into_iter().rev().find(|entry| entry.state.is_open());
    open.ok_or_else(|| {
        Failure::new(Exit::Error, format!("{} has no unfinished operation", opened.workload.id))
            .hint(format!("see what was done: {}", context.command("history", &opened.workload)))
    })
}
