//! THINK. Cordoning a node that members of guarded databases run on (`nodes` UPDATE, `spec.unschedulable` from false to true).
//!
//! What it stops. Nothing, unless a policy says `onCordon: Deny`: it warns which members cannot be moved off that node now,
//! and why, before the node is drained.
//!
//! Why a budget is not enough. A budget refuses pod by pod in the middle of a drain, and never because of roles or lag.
//!
//! How kubectl drain takes it. It prints the warnings. It prints a refused cordon as well, and then evicts all the same, from
//! a node that may take the pods back: the rule for evictions is what protects the database, not this one. Programs that use
//! kubectl's library do stop (kured, Cluster API, node termination handlers); Deny is for those.
//!
//! How to pass. Wait until every replica is in sync, or move the primaries away: `kubectl stateful switchover`. Or drain the
//! node by `kubectl stateful drain`, which judges every database there before it cordons, and says so in the operation locks
//! it holds.

use std::fmt::Write;

use serde_json::Value;
use stateful_cluster::FIELD_MANAGER;
use stateful_cluster::guard::policy::{Mode, OnCordon};
use stateful_cluster::inventory::SetFacts;
use stateful_safety::Reason;

use crate::admission::request::AdmissionRequest;
use crate::admission::response::{AdmissionResponse, Cause, DenialCode};
use crate::evaluation::cordon_context::NodeContext;
use crate::evaluation::effective_policy::EffectivePolicy;
use crate::evaluation::operation_lock::is_draining_node;
use crate::rules::object_rules;

/// The most warnings in one response. The API server passes on 4096 characters of warnings in all.
const LINES: usize = 10;

/// Evaluates a change of a node.
pub(crate) fn evaluate(request: &AdmissionRequest, context: &NodeContext<'_>) -> AdmissionResponse {
    let is_cordoned = |value: Option<&Value>| value.and_then(Value::as_bool) == Some(true);
    let cordons = !is_cordoned(request.old_field("/spec/unschedulable"));
    if !cordons || !is_cordoned(request.new_field("/spec/unschedulable")) {
        return AdmissionResponse::allow();
    }
    let node = object_rules::name(request);
    // A server-side dry run by the plugin itself, which holds no operation lock yet, is warned and not refused.
    let is_own_dry_run = request.dry_run && request.options["fieldManager"] == FIELD_MANAGER;
    let (mut warnings, mut refused, mut codes) = (Vec::new(), Vec::new(), Vec::new());
    for (_, pod, set) in context.model.guarded_pods_on(&node) {
        // A running drain has judged these members one after another, in the order in which they will be evicted.
        if (context.lock)(&set.workload.id).is_some_and(|lock| is_draining_node(&lock, &node, context.now)) {
            continue;
        }
        let policy = EffectivePolicy::resolve(context.model, set);
        let reasons = (context.reasons)(set, pod, &policy);
        let Some(first) = reasons.first().filter(|_| !policy.exempt.contains(&request.user)) else {
            continue;
        };
        codes.push(first.code());
        let line =
            format!("{} of {} cannot be moved now: {first} ({})", pod.member.name, set.workload.id, first.code());
        match (policy.mode, policy.on_cordon) {
            (Mode::Audit, _) => {}
            (Mode::Enforce, OnCordon::Deny) if !is_own_dry_run => refused.push((line, first.clone(), set)),
            (Mode::Enforce | Mode::Warn, OnCordon::Deny | OnCordon::Warn) => warnings.push(line),
        }
    }
    let mut response = AdmissionResponse::allow();
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
        response = AdmissionResponse::refuse(DenialCode::Never, message, refused.iter().map(cause).collect());
    }
    response.warnings = shorten(warnings, &node);
    codes.dedup();
    if codes.is_empty() { response } else { response.with_audit("reasons", codes.join(",")) }
}

/// Keeps the first lines and says how many more members there are.
fn shorten(all: Vec<String>, node: &str) -> Vec<String> {
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
