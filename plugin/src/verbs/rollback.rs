//! `rollback`: brings the old image back as long as that loses nothing; otherwise says what a restore would lose and how to
//! restore.

use clap::Args;
use jiff::Timestamp;
use stateful_cluster::backups;
use stateful_operations::journal::Entry;
use stateful_operations::{
    BlockedRollback, World, changes_image, for_moving, restore_plan, rollback_goal, why_no_rollback,
};
use stateful_safety::Workload;

use crate::cli::OperationFlags;
use crate::context::{Context, Opened, policy};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::operation::{Console, must_be_able_to_ask};
use crate::report::{ago, print_restore};
use crate::verb::{Rights, Verb};

/// `rollback`
#[derive(Debug, Args)]
struct RollbackArgs {
    /// A StatefulSet's name, sts/NAME, or an engine's name (redis) if the namespace has one database of it
    target: String,
    /// Where the old image cannot come back: print how to restore a backup beside the database, accepting that what was written
    /// since the backup is lost
    #[arg(long)]
    accept_data_loss: bool,
    #[command(flatten)]
    operation: OperationFlags,
}

/// The row of `rollback`.
pub(super) const VERB: Verb = Verb {
    name: "rollback",
    about: "Bring the old image back, as long as that loses nothing",
    examples: "\
  kubectl stateful rollback mongo -n shop  # until its finalize; refused, with the reason, where data would be lost

  # Then: which backup there is, what it lacks, and how to restore it beside the database
  kubectl stateful rollback mongo -n shop --accept-data-loss",
    arguments: RollbackArgs::augment_args,
    rights: Rights::Namespace(|| for_moving(false)),
    past_tense: Some("rolled back"),
    run: |call| Box::pin(async move { run(&call.context().await?, &call.args()?).await }),
};

async fn run(context: &Context, args: &RollbackArgs) -> Result<Exit, Failure> {
    must_be_able_to_ask(&args.operation.confirm)?;
    context.need(&context.cluster.namespace, &for_moving(context.cluster.inside)).await?;
    let opened = context.open(&args.target).await?;
    let entry = last_upgrade(context, &opened).await?;
    if !changes_image(&entry.plan) {
        let message = format!("operation {} changed no image; there is nothing to go back to", entry.id);
        return Err(Failure::new(Exit::Error, message));
    }
    let (goal, origin) = (rollback_goal(&entry, &opened.workload.container), entry.plan.origin.clone());
    // Checked before the operation is taken over.
    let snapshot = opened.live.observe().await?;
    if let Some(why) = why_no_rollback(&entry, &goal, &snapshot, &policy(&args.operation.policy)) {
        let closed = BlockedRollback { image: &origin.image, why: &why, since: entry.began };
        return restore(context, &opened.workload, &closed, args.accept_data_loss).await;
    }
    let console = Console::new(context, &opened, &VERB, &args.operation);
    let unfinished = entry.state.is_open();
    if unfinished {
        console.take_over(&entry).await?;
    }
    let resumed = unfinished.then_some(&entry);
    console.go_on(&goal, &origin, resumed).await
}

/// Without a way back there is only a backup: says what it lacks, and prints the steps once the user accepts that.
async fn restore(
    context: &Context,
    workload: &Workload,
    closed: &BlockedRollback<'_>,
    accepted: bool,
) -> Result<Exit, Failure> {
    let found = backups::list(&context.cluster, workload).await;
    let refused = Failure::blocked(format!("{} ({})", closed.why, closed.why.code()));
    match restore_plan(workload, closed, &found, Timestamp::now().as_millisecond()) {
        Err(none) => Err(refused.hint(format!("go forward instead; there is nothing to restore: {none}"))),
        Ok(plan) if accepted => {
            print_restore(context.printer, &plan);
            Ok(Exit::Done)
        }
        Ok(plan) => Err(refused.hint(format!(
            "go forward instead, or restore {}: what was written since {} ({} ago) is lost; if you accept that, see how: \
             {} --accept-data-loss",
            plan.backup,
            plan.made,
            ago(plan.loses_milliseconds),
            context.command(VERB.name, workload)
        ))),
    }
}

/// The unfinished operation, or else the newest one that changed the image.
async fn last_upgrade(context: &Context, opened: &Opened) -> Result<Entry, Failure> {
    let mut newest = opened.live.history().await?;
    newest.reverse();
    let unfinished = newest.iter().position(|entry| entry.state.is_open());
    let chosen = unfinished.or_else(|| newest.iter().position(|entry| changes_image(&entry.plan)));
    chosen.map(|index| newest.swap_remove(index)).ok_or_else(|| {
        Failure::new(Exit::Error, format!("{} has no upgrade to roll back", opened.workload.id))
            .hint(format!("see what was done: {}", context.command("history", &opened.workload)))
    })
}
