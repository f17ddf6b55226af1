//! `abort`: end an unfinished operation where it is.

use clap::Args;
use stateful_cluster::changes::rollout::patch_to;
use stateful_engines::SEVERAL_PRIMARIES;
use stateful_operations::journal::Entry;
use stateful_operations::session::OperationWorld;
use stateful_operations::{Goal, Surge, World, find_interrupted as find_interrupted_switchover, for_moving};
use stateful_safety::{Assessment, Rollout, Workload};

use super::resume::unfinished;
use crate::cli::TargetArgs;
use crate::context::{Context, who};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::operation::{must_be_able_to_ask, take_over_to_end};
use crate::verb::{Rights, Verb};

/// The row of `abort`.
pub(super) const VERB: Verb = Verb {
    name: "abort",
    about: "End an unfinished operation where it is",
    examples: "\
  kubectl stateful abort redis -n shop     # the members stay as they are; prints what is left to do",
    arguments: TargetArgs::augment_args,
    rights: Rights::Namespace(|| for_moving(false)),
    past_tense: None,
    run: |call| Box::pin(async move { run(&call.context().await?, &call.args()?).await }),
};

async fn run(context: &Context, args: &TargetArgs) -> Result<Exit, Failure> {
    must_be_able_to_ask(&args.confirm)?;
    context.need(&context.cluster.namespace, &for_moving(context.cluster.inside)).await?;
    let opened = context.open(&args.target).await?;
    let entry = unfinished(context, &opened).await?;
    // Only this journal entry still names the two members of the unfinished switchover; without it the switchover could not be
    // finished safely.
    if let Some(step) = find_interrupted_switchover(&entry, &opened.live.observe().await?) {
        let typed = context.typed(&opened.workload);
        return Err(Failure::blocked(format!(
            "{} has no primary; what is left to do first: {step}",
            opened.workload.id
        ))
        .hint(format!("go on with it: kubectl stateful resume {typed}; after that it can be ended")));
    }
    let question = format!("End the {} of {} by {} where it is?", entry.verb, opened.workload.id, entry.by);
    if !args.confirm.yes && !context.printer.ask(&question) {
        return Err(Failure::declined());
    }
    take_over_to_end(context, &opened, &entry).await?;
    for told in opened.live.resume_poolers(&opened.workload).await {
        context.printer.note(&told);
    }
    // A member that does not answer does not keep the user from ending the operation: the setting it has left is known by its
    // mark, and the next operation finds it again.
    if let Err(error) = opened.live.end_temporary_sync().await {
        let by_hand = opened.workload.engine.advice.end_temporary_sync;
        let by_hand = by_hand.map(|command| format!(", or by hand on that member: {command}")).unwrap_or_default();
        context.printer.note(&format!(
            "a member may still let commits wait for a standby, as during the {}: {error}; the next upgrade puts it back{by_hand}",
            entry.verb
        ));
    }
    opened.live.abort(&who()).await?;
    context.printer.result(&format!("statefulset.apps/{} aborted", opened.workload.id.name));
    let snapshot = opened.live.observe().await?;
    let typed = context.typed(&snapshot.workload);
    let outdated = snapshot.workload.members.iter().filter(|member| !snapshot.workload.is_current(member)).count();
    if outdated > 0 {
        context.printer.note(&format!(
            "{outdated} of {} members do not run what the template declares; bring them there with: kubectl stateful upgrade {typed}",
            snapshot.workload.replicas
        ));
    }
    if let Some(note) = added(&entry, &snapshot.workload, &typed) {
        context.printer.note(&note);
    }
    let before = &entry.plan.origin.rollout;
    if snapshot.workload.rollout == Rollout::OnDelete && *before != Rollout::OnDelete {
        // Giving the decision back now would let the controller replace the rest by ordinal, primaries included.
        let before = patch_to(before);
        context.printer.note(&format!(
            "the update strategy stays OnDelete; once every member is current, restore what it was: \
             kubectl patch statefulset {typed} --patch '{before}'"
        ));
    }
    several_primaries(&snapshot.assessment, &typed).map_or(Ok(Exit::Done), Err)
}

/// What a script must not take for a database that is well: the operation is ended, and more than one member takes writes.
fn several_primaries(assessment: &Assessment, typed: &str) -> Option<Failure> {
    let blocker = assessment.blockers.iter().find(|blocker| blocker.code == SEVERAL_PRIMARIES.code)?;
    let message = format!("the operation is ended, and a person has to act: {blocker} ({})", blocker.code);
    Some(Failure::new(Exit::NeedsHuman, message).hint(blocker.next_step(typed)))
}

/// What is left of a member that was added for the duration: it stays, since scaling back takes it whatever its role.
fn added(entry: &Entry, workload: &Workload, typed: &str) -> Option<String> {
    let before = entry.plan.origin.replicas;
    let surged = matches!(entry.plan.goal, Goal::Upgrade { surge: Surge::Add | Surge::Withdraw, .. });
    let member = workload.next_after(before);
    (surged && workload.replicas > before).then(|| {
        format!(
            "{member} was added for the duration and stays; once it does not lead (kubectl stateful status {typed}), \
             remove it: kubectl scale statefulset {typed} --replicas={before}"
        )
    })
}

#[cfg(test)]
mod tests {
    use stateful_engines::{SEVERAL_PRIMARIES, no_primary};
    use stateful_safety::{Assessment, Blocker, SyncReplication};

    use super::several_primaries;
    use crate::exit::Exit;

    fn assessment(blockers: Vec<Blocker>) -> Assessment {
        Assessment {
            taken_at: 0,
            topology: String::new(),
            groups: Vec::new(),
            quorums: Vec::new(),
            blockers,
            feature_release: None,
            synchrony: SyncReplication::Declared,
            upgrade_notes: Vec::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn an_operation_that_is_ended_while_two_members_lead_needs_a_human() {
        assert!(several_primaries(&assessment(vec![no_primary("main")]), "redis").is_none());
        let both = assessment(vec![no_primary("main"), SEVERAL_PRIMARIES.example()]);
        let failure = several_primaries(&both, "redis -n shop").expect("a failure");
        assert_eq!(failure.exit, Exit::NeedsHuman);
        assert!(failure.message.contains("redis-0 at offset 4200"), "{}", failure.message);
        let hint = failure.hint.expect("a hint");
        assert!(hint.contains("kubectl logs redis-0 -n shop"), "{hint}");
    }
}
