//! `history`: what was done to a database, by whom, and how it ended.

use clap::Args;
use jiff::{Timestamp, Unit};
use stateful_cluster::connection::permissions::Permission;
use stateful_operations::journal::{Entry, State};
use stateful_operations::{Goal, for_looking};

use crate::cli::TargetArgs;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{HistoryRow, lasting, print_history};
use crate::verb::{Rights, Verb};

/// Journals are ConfigMaps.
const READ_JOURNALS: Permission = Permission { verb: "list", group: "", resource: "configmaps", cluster_wide: false };

/// The row of `history`.
pub(super) const VERB: Verb = Verb {
    name: "history",
    about: "Show what was done to a database, by whom, and how it ended",
    examples: "\
  kubectl stateful history postgres -n shop
  kubectl stateful history postgres -n shop -o json",
    arguments: TargetArgs::augment_args,
    rights: Rights::Namespace(|| [for_looking(false), vec![READ_JOURNALS]].concat()),
    past_tense: None,
    run: |call| Box::pin(async move { run(&call.context().await?, &call.args()?).await }),
};

async fn run(context: &Context, args: &TargetArgs) -> Result<Exit, Failure> {
    let opened = context.open(&args.target).await?;
    let rows: Vec<HistoryRow> = opened.live.history().await?.iter().map(row).collect();
    print_history(context.printer, &rows);
    Ok(Exit::Done)
}

fn row(entry: &Entry) -> HistoryRow {
    let began = Timestamp::from_millisecond(entry.began).unwrap_or_default();
    HistoryRow {
        id: entry.id.clone(),
        verb: entry.verb.clone(),
        what: what(&entry.plan.goal, &entry.plan.origin.image),
        by: entry.by.clone(),
        began: began.round(Unit::Second).unwrap_or(began).to_string(),
        took: lasting(entry.last - entry.began),
        state: match entry.state {
            State::BetweenSteps | State::Acting(_) => "unfinished",
            State::Stopped => "stopped",
            State::Finished => "finished",
            State::Aborted => "aborted",
        }
        .to_owned(),
        steps: format!("{} done", entry.done),
        note: entry.note.clone().unwrap_or_default(),
    }
}

fn what(goal: &Goal, before: &str) -> String {
    use stateful_cluster::changes::rollout::TemplateChange;
    match goal {
        Goal::Upgrade { change: Some(TemplateChange::Image { image, .. }), .. } => format!("{before} → {image}"),
        Goal::Upgrade { change: Some(TemplateChange::Restart { .. }), .. } => "restart".to_owned(),
        Goal::Upgrade { change: None, .. } => "declared revision".to_owned(),
        Goal::EvacuateNode { node } => format!("leave node {node}"),
        Goal::Switchover { member } => format!("{member} becomes primary"),
        Goal::Finalize { release } => format!("{release} made final"),
    }
}
