//! `finalize`: makes an upgrade to another release final.

use clap::Args;
use stateful_operations::{Goal, Snapshot, World, for_moving};
use stateful_safety::Version;

use crate::cli::OperationArgs;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::operation::{Console, must_be_able_to_ask};
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
    must_be_able_to_ask(&args.operation.confirm)?;
    context.need(&context.cluster.namespace, &for_moving(context.cluster.inside)).await?;
    let opened = context.open(&args.target).await?;
    let console = Console::new(context, &opened, &VERB, &args.operation);
    console.refuse_beside_another().await?;
    let goal = Goal::Finalize { release: newest(context, &opened.live.observe().await?)? };
    match console.plan(&goal).await? {
        Some((plan, _)) => console.start(plan).await,
        None => Ok(Exit::Done),
    }
}

/// The newest release that a member runs. Members that run another one are the reason to refuse.
fn newest(context: &Context, snapshot: &Snapshot) -> Result<Version, Failure> {
    let engine = snapshot.workload.engine;
    if engine.releases.line.is_none() {
        return Err(Failure::usage(format!("an upgrade of {engine} is final as soon as its members run it"))
            .hint(format!("see what they run: {}", context.command("status", &snapshot.workload))));
    }
    let members = snapshot.assessment.groups.iter().flat_map(|group| &group.members);
    let newest = members.filter_map(|member| member.version.as_ref()).max();
    let none = || Failure::blocked("no member says which release it runs; nothing was touched".to_owned());
    Ok(newest.ok_or_else(none)?.release(engine))
}
