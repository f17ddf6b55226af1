//! Draws up a plan for a verb, or says why not: what is transient gets a moment to pass, what stands is shown whole.

use std::time::{Duration, Instant};

use stateful_operations::{Goal, Origin, Plan, Refusal, Snapshot, World, draft_plan, findings, make_plan};
use stateful_safety::{Policy, Reason};

use crate::context::{Context, Opened};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{CheckReport, print_check};

/// Gossip after a switchover, a readiness probe just missed: such reasons are gone within this. What is still there then
/// is refused.
const SETTLES_WITHIN: Duration = Duration::from_secs(5);

/// Between two looks meanwhile.
const POLL: Duration = Duration::from_millis(300);

/// What came of it.
pub(crate) enum Drawn {
    /// A plan, and the look it was drawn up from.
    Plan(Box<(Plan, Snapshot)>),
    /// The goal is reached already; how that is said.
    Nothing(String),
}

/// Draws up a plan. `of` is what it is for, to people: `an upgrade`.
pub(crate) async fn drawn(
    context: &Context,
    opened: &Opened,
    goal: &Goal,
    of: &str,
    policy: &Policy,
) -> Result<Drawn, Failure> {
    let started = Instant::now();
    let mut said = false;
    loop {
        let snapshot = opened.live.snapshot().await?;
        let reasons = match make_plan(goal, &snapshot, Origin::of(&snapshot), policy) {
            Ok(plan) => return Ok(Drawn::Plan(Box::new((plan, snapshot)))),
            Err(Refusal::Nothing(why)) => return Ok(Drawn::Nothing(why)),
            Err(Refusal::Unsafe(reasons)) => reasons,
        };
        if !reasons.iter().all(Reason::may_pass) || started.elapsed() >= SETTLES_WITHIN {
            return Err(refused(context, goal, of, policy, &snapshot, &reasons));
        }
        if let Some(reason) = telling(&reasons).filter(|_| !said) {
            context.printer.note(&format!("giving it a moment: {reason}"));
            said = true;
        }
        if opened.live.pause(POLL).await {
            return Err(Failure::new(Exit::Interrupted, "interrupted; nothing was touched"));
        }
    }
}

/// All checks with their answers, and the reason that tells most in one sentence.
fn refused(
    context: &Context,
    goal: &Goal,
    of: &str,
    policy: &Policy,
    snapshot: &Snapshot,
    reasons: &[Reason],
) -> Failure {
    let target = context.typed(&snapshot.workload);
    let id = snapshot.workload.id.to_string();
    let found = findings(&draft_plan(goal, snapshot, Origin::of(snapshot), policy), snapshot, policy);
    print_check(context.printer, &[CheckReport::new(id.clone(), of.to_owned(), &found, &target)], false);
    let more = match reasons.len() {
        0 | 1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let cause = telling(reasons).map(|reason| format!(": {reason} ({}){more}", reason.code())).unwrap_or_default();
    Failure::blocked(format!("{of} of {id} is not safe now{cause}; nothing was touched"))
        .hint(format!("ask again with: kubectl stateful check {target}"))
}

/// A server that does not answer explains whatever else is not known; otherwise the first reason comes first.
fn telling(reasons: &[Reason]) -> Option<&Reason> {
    reasons.iter().find(|reason| matches!(reason, Reason::NotAnswering { .. })).or(reasons.first())
}
