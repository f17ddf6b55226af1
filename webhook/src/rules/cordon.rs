//! THINK. Cordoning a node that guarded databases live on (`nodes` UPDATE, `spec.unschedulable` from false to true).
//!
//! What it stops. Nothing, unless a policy says `onCordon: Deny`: it tells who cannot be moved off that node now, and why,
//! before anybody begins to empty it.
//!
//! Why a budget is not enough. A budget speaks up pod by pod in the middle of a drain, and never about roles or lag.
//!
//! How kubectl drain takes it. It prints the warnings. A refused cordon it prints as well, and then goes on evicting all
//! the same, from a node that may take the pods back: evictions are the wall, not this. Programs that use kubectl's library
//! do stop (kured, Cluster API, node termination handlers); for those Deny is there.
//!
//! How to pass. Wait until everybody is in sync, or move the primaries away: `kubectl stateful switchover`. Or empty it by
//! `kubectl stateful drain`, which has judged every database there before it cordons, and says so by the claims it holds.

use std::fmt::Write;

use jiff::Timestamp;
use serde_json::Value;
use stateful_cluster::{FIELD_MANAGER, LeaseFacts, Mode, Model, OnCordon, PodFacts, SetFacts};
use stateful_safety::{Reason, WorkloadId};

use crate::admission_request::Attempt;
use crate::admission_response::{Answer, Cause, Code};
use crate::effective_policy::{EffectivePolicy, effective_policy};
use crate::evaluation::is_emptying;
use crate::rules::object_rules;

/// Lines at most. The API server passes on 4096 characters of warnings in all, and nobody reads more.
const LINES: usize = 10;

/// Asks the judge about a member: every reason against taking it.
pub(crate) type Against<'a> = dyn Fn(&SetFacts, &PodFacts, &EffectivePolicy) -> Vec<Reason> + 'a;

/// The claim on a database that an operation may hold.
pub(crate) type ClaimOn<'a> = dyn Fn(&WorkloadId) -> Option<LeaseFacts> + 'a;

/// Answers a change of a node.
pub(crate) fn decide(
    attempt: &Attempt,
    model: &Model,
    claim: &ClaimOn<'_>,
    now: Timestamp,
    against: &Against<'_>,
) -> Answer {
    let is_cordoned = |value: Option<&Value>| value.and_then(Value::as_bool) == Some(true);
    if !is_cordoned(attempt.would_be("/spec/unschedulable")) || is_cordoned(attempt.is_now("/spec/unschedulable")) {
        return Answer::allow();
    }
    let node = object_rules::name(attempt);
    // Of a rehearsal of ours nothing is kept, and a claim would be.
    let rehearsed = attempt.dry_run && attempt.options["fieldManager"] == FIELD_MANAGER;
    let (mut told, mut refused, mut codes) = (Vec::new(), Vec::new(), Vec::new());
    for (_, pod, set) in model.guarded_pods_on(&node) {
        // The members that are about to leave have been judged one after another, in the order in which they go.
        if claim(&set.workload.id).is_some_and(|claim| is_emptying(&claim, &node, now)) {
            continue;
        }
        let limits = effective_policy(model, set);
        let reasons = against(set, pod, &limits);
        let Some(first) = reasons.first().filter(|_| !limits.exempt.contains(&attempt.user)) else {
            continue;
        };
        codes.push(first.code());
        let line =
            format!("{} of {} cannot be moved now: {first} ({})", pod.member.name, set.workload.id, first.code());
        match (limits.mode, limits.on_cordon) {
            (Mode::Audit, _) => {}
            (Mode::Enforce, OnCordon::Deny) if !rehearsed => refused.push((line, first.clone(), set)),
            _ => told.push(line),
        }
    }
    let mut answer = Answer::allow();
    if let Some((line, first, set)) = refused.first() {
        let (id, others) = (&set.workload.id, refused.len() - 1);
        let mut message = format!("{node} may not be cordoned now: {line}");
        if others > 0 {
            // Writing to a String cannot fail.
            let _ = write!(message, " and {others} more");
        }
        let _ = write!(message, "; {}", first.next_step(&format!("{} -n {}", id.name, id.namespace)));
        let cause = |(line, reason, _): &(String, Reason, &SetFacts)| Cause {
            code: reason.code().to_owned(),
            message: line.clone(),
        };
        answer = Answer::refuse(Code::Never, message, refused.iter().map(cause).collect());
    }
    answer.warnings = lines(told, &node);
    codes.dedup();
    if codes.is_empty() { answer } else { answer.noting("reasons", codes.join(",")) }
}

/// The first of them, and how many there are besides.
fn lines(all: Vec<String>, node: &str) -> Vec<String> {
    let count = all.len();
    let mut lines: Vec<String> = all.into_iter().map(object_rules::short).collect();
    if count > LINES {
        lines.truncate(LINES - 1);
        let others = count - lines.len();
        lines.push(format!("and {others} more members: kubectl stateful check node/{node}"));
    }
    lines
}

#[cfg(test)]
mod tests;
