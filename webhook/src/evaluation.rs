//! THINK. Asks the one judge about a member, with everything the guard knows.

use std::time::Instant;

use jiff::Timestamp;
use stateful_cluster::{EvictionRecord, LEAVES_NODE, LOCK_LIFETIME, LeaseFacts, Model, NEXT_POD, SetFacts};
use stateful_safety::{Disruption, JudgeInput as Facts, Reason, Workload, everyone_in_sync, judge};

use crate::effective_policy::EffectivePolicy;
use crate::reservations::gone;
use crate::state::{Known, Seen};

/// When a question is asked, by both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// For what others wrote down.
    pub(crate) wall: Timestamp,
    /// For what this process saw.
    pub(crate) steady: Instant,
}

/// One question: may this pod be taken away?
pub(crate) struct Question<'a> {
    pub(crate) set: &'a SetFacts,
    /// The workload with the members it has now.
    pub(crate) workload: &'a Workload,
    pub(crate) pod: &'a str,
    pub(crate) uid: &'a str,
    pub(crate) limits: &'a EffectivePolicy,
    pub(crate) promises: &'a [EvictionRecord],
    /// The claim an operation may hold on the workload.
    pub(crate) claim: Option<&'a LeaseFacts>,
    pub(crate) now: Now,
}

/// Every reason against it; none when it is safe.
pub(crate) fn against(known: &Known, question: &Question<'_>) -> Vec<Reason> {
    let id = &question.set.workload.id;
    let all = known.seen();
    let seen = all.get(id);
    let mut reasons = against_the_plan(question, seen);
    let Some(assessment) = seen.and_then(|seen| seen.assessment.as_ref()) else {
        let never = || "no look at it has ended yet".to_owned();
        reasons.push(Reason::NotAssessed { why: seen.and_then(|seen| seen.trouble.clone()).unwrap_or_else(never) });
        return reasons;
    };
    let mut promised = known.promised();
    let gone = gone(question.workload, seen, question.promises, &mut promised, question.now.steady, question.uid);
    drop(promised);
    let facts = Facts { workload: question.workload, assessment: Some(assessment), promised: &gone };
    let disruption = Disruption::Take { members: vec![question.pod.to_owned()] };
    let now = question.now.wall.as_millisecond();
    let policy = &question.limits.policy;
    reasons.extend(judge(policy, facts, &disruption, now).reasons().iter().cloned());
    // Nobody goes while another is missing or lags, in whichever group: an operation holds itself to the same between two
    // steps, and has already asked when it names a pod.
    let elsewhere =
        if goes_next(question) { Vec::new() } else { everyone_in_sync(policy, facts, Some(question.pod), now) };
    reasons.extend(elsewhere.into_iter().filter(|reason| !reasons.contains(reason)).collect::<Vec<_>>());
    reasons
}

/// Whether an operation has named this very pod.
fn goes_next(question: &Question<'_>) -> bool {
    question.claim.is_some_and(|claim| {
        claim.holder.is_some() && claim.notes.get(NEXT_POD).is_some_and(|next| next == question.uid)
    })
}

/// Whether whoever holds a claim has shown a sign of life.
pub(crate) fn lives(claim: &LeaseFacts, now: Timestamp) -> bool {
    now.duration_since(claim.seen_at).unsigned_abs() <= LOCK_LIFETIME
}

/// Whether an operation that lives has judged a node's members of this workload, and is about to move them away.
pub(crate) fn is_emptying(claim: &LeaseFacts, node: &str, now: Timestamp) -> bool {
    claim.holder.is_some() && lives(claim, now) && claim.notes.get(LEAVES_NODE).is_some_and(|leaves| leaves == node)
}

/// While an operation holds the workload only the pod it names may go. What was seen before the claim last changed may be
/// from before a switchover.
fn against_the_plan(question: &Question<'_>, seen: Option<&Seen>) -> Vec<Reason> {
    let Some(claim) = question.claim else {
        return Vec::new();
    };
    let lives = lives(claim, question.now.wall);
    match &claim.holder {
        Some(holder) if lives && !goes_next(question) => vec![Reason::PlanInProgress { holder: holder.clone() }],
        Some(_) => Vec::new(),
        None => {
            let taken_at = seen.and_then(|seen| seen.assessment.as_ref()).map(|assessment| assessment.taken_at);
            let before = taken_at.is_some_and(|taken| taken < claim.seen_at.as_millisecond());
            let why = "an operation on it has only just ended".to_owned();
            if before { vec![Reason::NotAssessed { why }] } else { Vec::new() }
        }
    }
}

/// The same, from memory alone.
pub(crate) fn from_memory(
    known: &Known,
    model: &Model,
    set: &SetFacts,
    pod: (&str, &str),
    limits: &EffectivePolicy,
    now: Now,
) -> Vec<Reason> {
    let id = &set.workload.id;
    let Some(workload) = model.workload(id) else {
        return vec![Reason::NotAMember { member: pod.0.to_owned() }];
    };
    let (promises, claim) = (model.promises(id), model.claim(id));
    let (pod, uid) = pod;
    against(known, &Question { set, workload: &workload, pod, uid, limits, promises, claim, now })
}
