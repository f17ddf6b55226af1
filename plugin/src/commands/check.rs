//! `check`: would an upgrade or a drain be safe now, and if not, why not.

use std::time::Duration;

use jiff::Timestamp;
use stateful_operations::{Goal, Origin, Surge, World, check_canary, draft_plan, findings, for_looking, recent_backup};
use stateful_safety::Workload;
use tokio::time::sleep;

use crate::cli::CheckArgs;
use crate::context::{Context, policy};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::operation::canary::Canary;
use crate::report::{CheckReport, print_check};

/// How long a canary writes: long enough for some hundred writes, and for a set that elects to be noticed.
const WRITES_FOR: Duration = Duration::from_secs(3);

pub(crate) async fn run(context: &Context, args: &CheckArgs) -> Result<Exit, Failure> {
    let reports = match args.target.strip_prefix("node/") {
        Some(node) => {
            stateful_cluster::is_cordoned(&context.cluster, node).await?; // says so when there is no such node
            let workloads = stateful_cluster::discover_on_node(&context.cluster, node).await?;
            let mut reports = Vec::new();
            for workload in workloads {
                let goal = Goal::EvacuateNode { node: node.to_owned() };
                reports.push(report(context, args, workload, &goal, format!("a drain of {node}")).await?);
            }
            reports
        }
        None => {
            context.need(&context.cluster.namespace, &for_looking(context.cluster.inside)).await?;
            let workload = context.find(&args.target).await?;
            let change = Some(stateful_cluster::TemplateChange::Restart { at: "a check".to_owned() });
            let goal = Goal::Upgrade { change, restore_primaries: false, repair: false, surge: Surge::No };
            let backups = stateful_cluster::backups(&context.cluster, &workload).await;
            let target = context.typed(&workload);
            let mut report = report(context, args, workload, &goal, "an upgrade".to_owned()).await?;
            report.add(&recent_backup(&backups, Timestamp::now().as_millisecond()), &target);
            vec![report]
        }
    };
    if reports.is_empty() {
        context.printer.note("No databases there; kubectl drain will do.");
    } else {
        print_check(context.printer, &reports, true);
    }
    Ok(if reports.iter().all(|report| report.safe) { Exit::Done } else { Exit::Blocked })
}

async fn report(
    context: &Context,
    args: &CheckArgs,
    workload: Workload,
    goal: &Goal,
    of: String,
) -> Result<CheckReport, Failure> {
    let opened = context.open_workload(workload).await?;
    let snapshot = opened.live.snapshot().await?;
    let policy = policy(&args.policy);
    let found = findings(&draft_plan(goal, &snapshot, Origin::of(&snapshot), &policy), &snapshot, &policy);
    let target = context.typed(&opened.workload);
    let mut report = CheckReport::new(opened.workload.id.to_string(), of, &found, &target);
    if args.canary {
        context.printer.note(&format!("writing to {} for {} s", opened.workload.id, WRITES_FOR.as_secs()));
        let canary = Canary::start(&opened.live);
        sleep(WRITES_FOR).await;
        report.add(&check_canary(&canary.end().await), &target);
    }
    Ok(report)
}
