//! `drain`: empty nodes. Databases first, each by its own plan and journal; then every other pod, as `kubectl drain` does.

use clap::Args;
use stateful_cluster::changes::cordon;
use stateful_cluster::discovery::pods::{self, NodePod};
use stateful_cluster::discovery::workloads;
use stateful_operations::campaign::{
    self, AcceptedLosses, CampaignEnd, CampaignError, CampaignListener, Database, plan_drain,
};
use stateful_operations::{for_budgets, for_drain, for_moving};

use crate::cli::{DryRun, DryRunFlag, OperationFlags};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::operation::{Console, check_report, exit, must_be_able_to_ask};
use crate::report::{plan_text, print_check};
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
    rights: Rights::Cluster(|| [for_moving(false), for_budgets(), for_drain()].concat()),
    past_tense: Some("drained"),
    run: |call| Box::pin(async move { run(&call.context().await?, &call.args()?).await }),
};

async fn run(context: &Context, args: &DrainArgs) -> Result<Exit, Failure> {
    if args.dry_run.dry_run == DryRun::None {
        must_be_able_to_ask(&args.operation.confirm)?;
    }
    context.need(&context.cluster.namespace, &for_drain()).await?;
    for node in &args.nodes {
        cordon::is_cordoned(&context.cluster, node).await?; // every name is checked before anything begins
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
    let mut opened = Vec::new();
    for workload in workloads::list_on_node(&context.cluster, node).await? {
        let needed = [for_moving(context.cluster.inside), for_budgets()].concat();
        context.need(&workload.id.namespace, &needed).await?;
        opened.push(context.open_workload(workload).await?);
    }
    let consoles: Vec<Console<'_>> =
        opened.iter().map(|opened| Console::new(context, opened, &VERB, &args.operation)).collect();
    let databases: Vec<Database<'_>> = consoles.iter().map(Console::database).collect();
    let others = pods::list_on_node(&context.cluster, node).await?;
    let failed = |error| failure(context, &consoles, node, error);
    let campaign = plan_drain(node, &databases, others, accepted(args)).await.map_err(failed)?;
    for plan in campaign.moves() {
        context.printer.note(&plan_text(context.printer, plan));
    }
    context.printer.note(&format!("{} other pods to evict from {node}", campaign.evictions().count()));
    let dry_run = args.dry_run.dry_run;
    match dry_run {
        DryRun::None => {}
        DryRun::Client => {
            context.printer.result(&format!("node/{node} drained (dry run)"));
            return Ok(Exit::Done);
        }
        DryRun::Server => {
            let progress = Progress { context, suffix: " (server dry run)" };
            campaign::try_out(&context.cluster, &campaign, &progress).await.map_err(failed)?;
            context.printer.result(&format!("node/{node} drained (server dry run)"));
            return Ok(Exit::Done);
        }
    }
    if !args.operation.confirm.yes && !context.printer.ask(&format!("\nDrain {node}?")) {
        return Err(Failure::declined());
    }
    let limit = (!args.operation.timeout.is_zero()).then_some(args.operation.timeout);
    let progress = Progress { context, suffix: "" };
    match campaign::run(&context.cluster, &campaign, &databases, limit, &progress).await.map_err(failed)? {
        CampaignEnd::Done => {
            context.printer.result(&format!("node/{node} drained"));
            Ok(Exit::Done)
        }
        CampaignEnd::Stopped(ending) => {
            let hint = format!("{node} stays cordoned; once the operation is resumed: kubectl stateful drain {node}");
            context.printer.note(&hint);
            Ok(exit(&ending.conclusion))
        }
    }
}

const fn accepted(args: &DrainArgs) -> AcceptedLosses {
    AcceptedLosses {
        daemon_sets_stay: args.ignore_daemonsets,
        empty_dirs: args.delete_emptydir_data,
        unmanaged: args.force,
    }
}

/// Why a drain failed, with the next command to type.
fn failure(context: &Context, consoles: &[Console<'_>], node: &str, error: CampaignError) -> Failure {
    let policy = consoles.first().map(Console::policy).cloned().unwrap_or_default();
    match error {
        CampaignError::NotSafe(refused) => {
            let reports: Vec<_> = refused.iter().map(|refused| check_report(context, refused, &policy)).collect();
            print_check(context.printer, &reports, false);
            let count = reports.len();
            Failure::blocked(format!("{count} databases on {node} are not safe to move now; nothing was touched"))
                .hint(format!("check again with: kubectl stateful check node/{node}"))
        }
        CampaignError::NoLongerSafe(workload, refused) => {
            print_check(context.printer, &[check_report(context, &refused, &policy)], false);
            Failure::blocked(format!("{workload} is no longer safe to move; {node} stays cordoned"))
                .hint(format!("go on with: kubectl stateful drain {node}"))
        }
        CampaignError::Held(pods) => {
            let pods = pods.join("; ");
            Failure::new(Exit::Error, format!("cannot drain {node}: {pods}; nothing was touched"))
        }
        CampaignError::Session(workload, error) => match consoles.iter().find(|console| console.is_of(&workload)) {
            Some(console) => console.failure(error),
            None => Failure::new(Exit::Error, format!("{workload}: {error}")),
        },
        CampaignError::Evictions(failed) => Failure::new(Exit::Error, failed.join("; ")),
        CampaignError::Cluster(error) => error.into(),
    }
}

/// Prints the progress of a drain.
struct Progress<'a> {
    context: &'a Context,
    /// Appended to each result.
    suffix: &'static str,
}

impl CampaignListener for Progress<'_> {
    fn cordoned(&self, node: &str, already: bool) {
        let state = if already { "already cordoned" } else { "cordoned" };
        self.context.printer.result(&format!("node/{node} {state}"));
    }

    fn evicted(&self, pod: &NodePod) {
        self.context.printer.result(&format!("pod/{} evicted{}", pod.name, self.suffix));
    }

    fn note(&self, text: &str) {
        self.context.printer.note(text);
    }
}
