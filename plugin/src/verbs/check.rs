//! `check`: whether an upgrade or a drain is safe now, and if not, why not.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use stateful_cluster::backups;
use stateful_cluster::changes::cordon;
use stateful_cluster::discovery::workloads;
use stateful_operations::{
    Finding, RunningCanary, Snapshot, World, check_canary, for_backups, for_budgets, for_looking, recent_backup,
};
use stateful_safety::{Policy, Workload};
use tokio::time::sleep;

use crate::cli::PolicyFlags;
use crate::context::{Context, policy};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::forecast;
use crate::report::{CheckReport, print_check};
use crate::verb::{Rights, Verb};

/// How long the canary writes: long enough for some hundred writes, and to notice that an election is under way.
const WRITES_FOR: Duration = Duration::from_secs(3);

/// `check`
#[derive(Debug, Args)]
struct CheckArgs {
    /// A database, or node/NODE to ask about a drain of that node
    #[arg(value_parser = check_target)]
    target: String,
    /// Also write test keys for three seconds, and read them back
    #[arg(long)]
    canary: bool,
    #[command(flatten)]
    policy: PolicyFlags,
}

/// The row of `check`.
pub(super) const VERB: Verb = Verb {
    name: "check",
    about: "Ask before an upgrade or a drain: is it safe now, and if not, why not",
    examples: "\
  kubectl stateful check redis           # could it be upgraded now?
  kubectl stateful check redis --canary  # and does it take writes, and keep them?
  kubectl stateful check node/node-3     # could the node be drained now? exit code 3 if not",
    arguments: CheckArgs::augment_args,
    rights: Rights::Namespace(|| [for_looking(false), for_backups(), for_budgets()].concat()),
    past_tense: None,
    run: |call| Box::pin(async move { run(&call.context().await?, &call.args()?).await }),
};

fn check_target(text: &str) -> Result<String, String> {
    if text == "node/" {
        return Err("the name of the node is missing; list the nodes with: kubectl get nodes".to_owned());
    }
    Ok(text.to_owned())
}

async fn run(context: &Context, args: &CheckArgs) -> Result<Exit, Failure> {
    let reports = match args.target.strip_prefix("node/") {
        Some(node) => {
            cordon::is_cordoned(&context.cluster, node).await?; // refuses a name that no node has
            let workloads = workloads::list_on_node(&context.cluster, node).await?;
            let mut reports = Vec::new();
            for workload in workloads {
                let check = |snapshot: &Snapshot, policy: &Policy| forecast::drain(node, snapshot, policy);
                reports.push(report(context, args, workload, check, format!("a drain of {node}")).await?);
            }
            reports
        }
        None => {
            context.need(&context.cluster.namespace, &for_looking(context.cluster.inside)).await?;
            let workload = context.find(&args.target).await?;
            let backups = backups::list(&context.cluster, &workload).await;
            let target = context.typed(&workload);
            let mut report = report(context, args, workload, forecast::upgrade, "an upgrade".to_owned()).await?;
            report.add(&recent_backup(&backups, Timestamp::now().as_millisecond()), &target);
            vec![report]
        }
    };
    if reports.is_empty() {
        context.printer.note("No databases run there: kubectl drain can empty the node.");
    } else {
        print_check(context.printer, &reports, true);
    }
    Ok(if reports.iter().all(|report| report.safe) { Exit::Done } else { Exit::Blocked })
}

async fn report(
    context: &Context,
    args: &CheckArgs,
    workload: Workload,
    check: impl Fn(&Snapshot, &Policy) -> Vec<Finding>,
    of: String,
) -> Result<CheckReport, Failure> {
    let opened = context.open_workload(workload).await?;
    let snapshot = opened.live.observe().await?;
    let policy = policy(&args.policy);
    let found = check(&snapshot, &policy);
    let target = context.typed(&opened.workload);
    let mut report = CheckReport::new(opened.workload.id.to_string(), of, &found, &target);
    if args.canary {
        context.printer.note(&format!("writing to {} for {} s", opened.workload.id, WRITES_FOR.as_secs()));
        let canary = RunningCanary::start(opened.live.engine(), opened.live.endpoints());
        sleep(WRITES_FOR).await;
        report.add(&check_canary(&canary.end().await), &target);
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use crate::verb::command;

    #[test]
    fn a_node_without_a_name_is_a_usage_error() {
        let check = |target: &str| command(&[super::VERB]).try_get_matches_from(["kubectl-stateful", "check", target]);
        assert!(check("node/node-3").is_ok());
        let error = check("node/").expect_err("no name");
        assert!(error.use_stderr() && error.to_string().contains("the name of the node is missing"), "{error}");
    }
}
