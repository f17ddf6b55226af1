//! `rollback`: bring the old image back, as long as that loses nothing.

use stateful_cluster::TemplateChange;
use stateful_operations::journal::Entry;
use stateful_operations::{Goal, Origin, Plan, Surge, for_moving};

use super::resume::carry_on;
use crate::cli::ResumeArgs;
use crate::context::{Context, Opened};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::operation::{must_be_able_to_ask, take_over};

pub(crate) async fn run(context: &Context, args: &ResumeArgs) -> Result<Exit, Failure> {
    must_be_able_to_ask(&args.operation)?;
    context.need(&context.cluster.namespace, &for_moving(context.cluster.inside)).await?;
    let opened = context.open(&args.target).await?;
    let entry = last_upgrade(context, &opened).await?;
    let (goal, origin) = back(&entry, &opened)?;
    let unfinished = entry.state.is_open();
    if unfinished {
        take_over(context, &opened, &entry).await?;
    }
    let resumed = unfinished.then_some(&entry);
    carry_on(context, &opened, "rollback", &goal, origin, resumed, &args.operation).await
}

/// The unfinished operation, or else the newest that changed the image.
async fn last_upgrade(context: &Context, opened: &Opened) -> Result<Entry, Failure> {
    let mut newest = opened.live.history(&opened.workload).await?;
    newest.reverse();
    let unfinished = newest.iter().position(|entry| entry.state.is_open());
    let chosen = unfinished.or_else(|| newest.iter().position(|entry| image_change(&entry.plan)));
    chosen.map(|index| newest.swap_remove(index)).ok_or_else(|| {
        Failure::new(Exit::Error, format!("{} has no upgrade to go back on", opened.workload.id))
            .hint(format!("see what was done: kubectl stateful history {}", context.typed(&opened.workload)))
    })
}

fn image_change(plan: &Plan) -> bool {
    matches!(&plan.goal, Goal::Renew { change: Some(TemplateChange::Image { .. }), .. })
}

/// The way back: the image before the upgrade, a broken member first. What an operation that is still open has added goes;
/// after its end nobody knows whether somebody wants as many.
fn back(entry: &Entry, opened: &Opened) -> Result<(Goal, Origin), Failure> {
    if !image_change(&entry.plan) {
        let message = format!("operation {} changed no image; there is nothing to go back to", entry.id);
        return Err(Failure::new(Exit::Error, message));
    }
    let origin = entry.plan.origin.clone();
    let container = opened.workload.container.clone();
    let change = Some(TemplateChange::Image { container, image: origin.image.clone() });
    let surged = |goal: &Goal| matches!(goal, Goal::Renew { surge: Surge::Add | Surge::Withdraw, .. });
    let surge = if entry.state.is_open() && surged(&entry.plan.goal) { Surge::Withdraw } else { Surge::No };
    Ok((Goal::Renew { change, restore_primaries: false, repair: true, surge }, origin))
}
