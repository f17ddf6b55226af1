//! `switchover`: makes another member the primary.

use clap::Args;
use stateful_operations::{Goal, Snapshot, World, best_successor, for_moving};
use stateful_safety::ReplicaGroup;

use crate::cli::OperationFlags;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::operation::{Console, must_be_able_to_ask};
use crate::verb::{Rights, Verb};

/// `switchover`
#[derive(Debug, Args)]
struct SwitchoverArgs {
    /// A StatefulSet's name, sts/NAME, or an engine's name (redis) if the namespace has one database of it
    target: String,
    /// The member that becomes the primary
    #[arg(long, value_name = "POD")]
    to: Option<String>,
    /// The member that is the primary now
    #[arg(long, value_name = "POD")]
    from: Option<String>,
    #[command(flatten)]
    operation: OperationFlags,
}

/// The row of `switchover`.
pub(super) const VERB: Verb = Verb {
    name: "switchover",
    about: "Make another member the primary",
    examples: "\
  kubectl stateful switchover redis --to redis-4
  kubectl stateful switchover redis --from redis-0   # to its best replica",
    arguments: SwitchoverArgs::augment_args,
    rights: Rights::Namespace(|| for_moving(false)),
    past_tense: Some("switched over"),
    run: |call| Box::pin(async move { run(&call.context().await?, &call.args()?).await }),
};

async fn run(context: &Context, args: &SwitchoverArgs) -> Result<Exit, Failure> {
    must_be_able_to_ask(&args.operation.confirm)?;
    context.need(&context.cluster.namespace, &for_moving(context.cluster.inside)).await?;
    let opened = context.open(&args.target).await?;
    let console = Console::new(context, &opened, &VERB, &args.operation);
    console.refuse_beside_another().await?;
    let goal = Goal::Switchover { member: wanted(context, args, &opened.live.observe().await?)? };
    let Some((plan, snapshot)) = console.plan(&goal).await? else { return Ok(Exit::Done) };
    if let Some(note) = will_not_last(&plan.goal, &snapshot) {
        context.printer.note(&note);
    }
    console.start(plan).await
}

/// A note where the database's own configuration (priorities) prefers another primary, which will take over again.
fn will_not_last(goal: &Goal, snapshot: &Snapshot) -> Option<String> {
    let Goal::Switchover { member } = goal else { return None };
    let group = snapshot.assessment.group_of(member)?;
    let wanted = group.members.iter().max_by_key(|member| member.priority)?;
    (wanted.priority > group.member(member)?.priority).then(|| {
        format!(
            "{member} will not stay the primary: the configuration of {} prefers {} (priority), which becomes the primary \
             again within two minutes",
            group.name, wanted.name
        )
    })
}

/// The member to become the primary: the one named, or the best replica of the primary named or of the only primary.
fn wanted(context: &Context, args: &SwitchoverArgs, snapshot: &Snapshot) -> Result<String, Failure> {
    let equals = |group: &ReplicaGroup| group.primary().is_none() && !group.lacks_primary();
    if !snapshot.assessment.groups.is_empty() && snapshot.assessment.groups.iter().all(equals) {
        let all =
            format!("{} has no primary, its members are equals: there is nothing to switch over", snapshot.workload.id);
        return Err(Failure::blocked(all).hint("to move a member: kubectl stateful drain NODE"));
    }
    let known = |name: &str| {
        snapshot.assessment.group_of(name).ok_or_else(|| {
            Failure::usage(format!("{name} is not a member of {}", snapshot.workload.id))
                .hint(format!("list its members: {}", context.command("status", &snapshot.workload)))
        })
    };
    if let Some(to) = &args.to {
        let group = known(to)?;
        // Compare and swap: with --from, the switchover is wanted only while that member is the primary.
        if let Some(from) =
            args.from.as_ref().filter(|from| group.primary().is_none_or(|primary| &&primary.name != from))
        {
            return Err(Failure::blocked(format!("{from} is not the primary of {}; nothing was touched", group.name)));
        }
        return Ok(to.clone());
    }
    let group = match (&args.from, &snapshot.assessment.groups[..]) {
        (Some(from), _) => {
            let group = known(from)?;
            if !snapshot.leads(from) {
                return Err(Failure::blocked(format!(
                    "{from} is not the primary of {}; nothing was touched",
                    group.name
                )));
            }
            group
        }
        (None, [only]) => only,
        (None, groups) => {
            let names: Vec<&str> = groups.iter().filter_map(ReplicaGroup::primary).map(|p| p.name.as_str()).collect();
            return Err(Failure::usage(format!(
                "there are {} primaries ({}); name one with --from, or its successor with --to",
                names.len(),
                names.join(", ")
            )));
        }
    };
    let successor = group.primary().and_then(|primary| best_successor(snapshot, group, primary));
    let none = || Failure::blocked(format!("{} has no replica in sync; nothing was touched", group.name));
    Ok(successor.ok_or_else(none)?.name.clone())
}
