//! `finalize`: an upgrade to another release is made final.

use clap::Args;
use stateful_operations::{Goal, Snapshot, World, for_moving};
use stateful_safety::Version;

use super::upgrade::refuse_beside_another;
use crate::cli::OperationArgs;
use crate::context::{Context, policy};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::operation::{Operation, agreed, conclude, must_be_able_to_ask, run as run_operation};
use crate::planning::{Drawn, drawn};
use crate::verb::{Rights, Verb};

/// The row of `finalize`.
pub(super) const VERB: Verb = Verb {
    name: "finalize",
    about: "Make an upgrade to another release final: from then on there is no way back",
    examples: "\
  kubectl stateful finalize mongo -n shop  # days after the upgrade, once the old release is no longer needed",
    arguments: OperationArgs::augment_args,
    rights: Rights::Namespace(|| for_moving(false)),
    past_tense: Some("made final"),
    run: |call| Box::pin(async move { run(&call.context().await?, &call.args()?).await }),
};

async fn run(context: &Context, args: &OperationArgs) -> Result<Exit, Failure> {
    must_be_able_to_ask(&args.operation)?;
    context.need(&context.cluster.namespace, &for_moving(context.cluster.inside)).await?;
    let opened = context.open(&args.target).await?;
    refuse_beside_another(context, &opened).await?;
    let snapshot = opened.live.snapshot().await?;
    let goal = Goal::Finalize { release: newest(context, &snapshot)? };
    let policy = policy(&args.operation.policy);
    let plan = match drawn(context, &opened, &goal, "it", &policy).await? {
        Drawn::Plan(drawn) => drawn.0,
        Drawn::Nothing(why) => {
            context.printer.result(&format!("statefulset.apps/{} unchanged: {why}", opened.workload.id.name));
            return Ok(Exit::Done);
        }
    };
    if !agreed(context, &plan, &args.operation) {
        return Err(Failure::declined());
    }
    plan.still_fits(&opened.live.snapshot().await?)?;
    let operation = Operation { verb: &VERB, opened: &opened, plan, resumed: None, flags: &args.operation };
    let report = run_operation(context, operation).await?;
    Ok(conclude(context, &opened, &report))
}

/// The newest release that a member runs: all others must run it too, or they are the reason against it.
fn newest(context: &Context, snapshot: &Snapshot) -> Result<Version, Failure> {
    let engine = snapshot.workload.engine;
    let typed = context.typed(&snapshot.workload);
    if engine.releases.line.is_none() {
        return Err(Failure::usage(format!("an upgrade of {engine} is final as soon as its members run it"))
            .hint(format!("see what they run: kubectl stateful status {typed}")));
    }
    let members = snapshot.assessment.groups.iter().flat_map(|group| &group.members);
    let newest = members.filter_map(|member| member.version.as_ref()).max();
    let nobody = || Failure::blocked("no member says what it runs; nothing was touched".to_owned());
    Ok(newest.ok_or_else(nobody)?.release(engine))
}
