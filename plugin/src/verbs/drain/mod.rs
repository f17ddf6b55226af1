//! `drain`: empty nodes. Databases first, each by its own plan and journal; then everybody else, as `kubectl drain` does.

mod others;

use clap::Args;
use stateful_cluster::changes::cordon;
use stateful_cluster::discovery::workloads;
use stateful_operations::{Goal, Origin, Plan, Refusal, World, draft_plan, findings, for_drain, for_moving, make_plan};
use stateful_safety::Workload;

use super::upgrade::refuse_beside_another;
use crate::cli::{DryRun, DryRunFlag, OperationFlags};
use crate::context::{Context, Opened, policy};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::operation::{Operation, conclude, must_be_able_to_ask, reserve, run as run_operation};
use crate::report::{CheckReport, plan_text, print_check};
use crate::verb::{Rights, Verb};

/// `drain`
#[derive(Debug, Args)]
struct DrainArgs {
    /// The nodes
    #[arg(required = true)]
    nodes: Vec<String>,
    /// Leave pods of DaemonSets alone
    #[arg(long)]
    ignore_daemonsets: bool,
    /// Also evict pods that keep data in an emptyDir, which is lost
    #[arg(long)]
    delete_emptydir_data: bool,
    /// Also evict pods that no controller would create again
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    dry_run: DryRunFlag,
    #[command(flatten)]
    operation: OperationFlags,
}

/// The row of `drain`.
pub(super) const VERB: Verb = Verb {
    name: "drain",
    about: "Empty nodes: primaries switch over first, members leave one at a time",
    examples: "\
  kubectl stateful drain node-3 --ignore-daemonsets
  kubectl stateful drain node-1 node-2 -y            # one after the other",
    arguments: DrainArgs::augment_args,
    rights: Rights::Cluster(|| [for_moving(false), for_drain()].concat()),
    past_tense: Some("drained"),
    run: |call| Box::pin(async move { run(&call.context().await?, &call.args()?).await }),
};

async fn run(context: &Context, args: &DrainArgs) -> Result<Exit, Failure> {
    if args.dry_run.dry_run == DryRun::None {
        must_be_able_to_ask(&args.operation)?;
    }
    context.need(&context.cluster.namespace, &for_drain()).await?;
    for node in &args.nodes {
        cordon::is_cordoned(&context.cluster, node).await?; // every name is right before anything begins
    }
    for node in &args.nodes {
        let exit = drain(context, args, node).await?;
        if exit != Exit::Done {
            return Ok(exit);
        }
    }
    Ok(Exit::Done)
}

async fn drain(context: &Context, args: &DrainArgs, node: &str) -> Result<Exit, Failure> {
    let databases = plans(context, args, node).await?;
    let moved_by_us: Vec<&Workload> = databases.iter().map(|(opened, _)| &opened.workload).collect();
    let others = others::sort(context, args, node, &moved_by_us).await?;
    for (_, plan) in &databases {
        context.printer.note(&plan_text(context.printer, plan));
    }
    context.printer.note(&format!("{} other pods to evict from {node}", others.len()));
    match args.dry_run.dry_run {
        DryRun::None => {}
        DryRun::Client => {
            context.printer.result(&format!("node/{node} drained (dry run)"));
            return Ok(Exit::Done);
        }
        DryRun::Server => {
            cordon::set(&context.cluster, node, true, true).await?;
            others::evict_all(context, args, &others, true).await?;
            context.printer.result(&format!("node/{node} drained (server dry run)"));
            return Ok(Exit::Done);
        }
    }
    if !args.operation.confirm.yes && !context.printer.ask(&format!("\nDrain {node}?")) {
        return Err(Failure::declined());
    }
    let moved = move_all(context, args, node, &databases).await;
    for (opened, _) in &databases {
        // Those that were claimed and never begun; one that is not let go of runs out by itself.
        let _ = opened.live.let_go().await;
    }
    let exit = moved?;
    if exit != Exit::Done {
        let hint = format!("{node} stays cordoned; when it is resumed: kubectl stateful drain {node}");
        context.printer.note(&hint);
        return Ok(exit);
    }
    others::evict_all(context, args, &others, false).await?;
    context.printer.result(&format!("node/{node} drained"));
    Ok(Exit::Done)
}

/// Claims all databases on a node, looks at each once more, cordons the node, and moves them away one after another. By
/// the claims the guard knows that somebody has judged what a cordon leads to.
async fn move_all(
    context: &Context,
    args: &DrainArgs,
    node: &str,
    databases: &[(Opened, Plan)],
) -> Result<Exit, Failure> {
    for (opened, plan) in databases {
        reserve(context, opened, node).await?;
        plan.still_fits(&opened.live.snapshot().await?)?;
    }
    let already = cordon::is_cordoned(&context.cluster, node).await?;
    cordon::set(&context.cluster, node, true, false).await?;
    context.printer.result(&format!("node/{node} {}", if already { "already cordoned" } else { "cordoned" }));
    for (opened, _) in databases {
        let exit = move_away(context, args, node, opened).await?;
        if exit != Exit::Done {
            return Ok(exit);
        }
    }
    Ok(Exit::Done)
}

/// The databases on a node with the plans to move them; one that is not safe to move stops everything before it begins.
async fn plans(context: &Context, args: &DrainArgs, node: &str) -> Result<Vec<(Opened, Plan)>, Failure> {
    let mut plans = Vec::new();
    let mut refused = Vec::new();
    for workload in workloads::list_on_node(&context.cluster, node).await? {
        context.need(&workload.id.namespace, &for_moving(context.cluster.inside)).await?;
        let opened = context.open_workload(workload).await?;
        refuse_beside_another(context, &opened).await?;
        match draw(args, node, &opened).await? {
            Ok(plan) => plans.push((opened, plan)),
            Err(Some(report)) => refused.push(*report),
            Err(None) => {}
        }
    }
    if refused.is_empty() {
        return Ok(plans);
    }
    print_check(context.printer, &refused, false);
    Err(Failure::blocked(format!(
        "{} databases on {node} are not safe to move now; nothing was touched",
        refused.len()
    ))
    .hint(format!("ask again with: kubectl stateful check node/{node}")))
}

/// A plan, a refusal, or nothing to do.
async fn draw(
    args: &DrainArgs,
    node: &str,
    opened: &Opened,
) -> Result<Result<Plan, Option<Box<CheckReport>>>, Failure> {
    let goal = Goal::EvacuateNode { node: node.to_owned() };
    let policy = policy(&args.operation.policy);
    let snapshot = opened.live.snapshot().await?;
    Ok(match make_plan(&goal, &snapshot, Origin::of(&snapshot), &policy) {
        Ok(plan) => Ok(plan),
        Err(Refusal::Nothing(_)) => Err(None),
        Err(Refusal::Unsafe(_)) => {
            let found = findings(&draft_plan(&goal, &snapshot, Origin::of(&snapshot), &policy), &snapshot, &policy);
            let id = &snapshot.workload.id;
            let target = format!("{} -n {}", id.name, id.namespace);
            Err(Some(Box::new(CheckReport::new(id.to_string(), format!("a drain of {node}"), &found, &target))))
        }
    })
}

/// Moves one database away. The plan is drawn up once more: the one before it took its time.
async fn move_away(context: &Context, args: &DrainArgs, node: &str, opened: &Opened) -> Result<Exit, Failure> {
    let plan = match draw(args, node, opened).await? {
        Ok(plan) => plan,
        Err(None) => return Ok(Exit::Done),
        Err(Some(report)) => {
            print_check(context.printer, &[*report], false);
            let message = format!("{} is no longer safe to move; {node} stays cordoned", opened.workload.id);
            return Err(Failure::blocked(message).hint(format!("go on with: kubectl stateful drain {node}")));
        }
    };
    let operation = Operation { verb: &VERB, opened, plan, resumed: None, flags: &args.operation };
    let report = run_operation(context, operation).await?;
    Ok(conclude(context, opened, &report))
}
