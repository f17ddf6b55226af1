//! TOUCH, promises alone. What evictions and deletions of a database's pod have in common: judge from memory, and let it
//! pass only once the permission is written down where every replica sees it, on a fresh list of the members.
//!
//! What speaks to the API server is boxed: its futures are tens of kilobytes, and most answers never come to them.

use std::sync::Arc;
use std::time::Duration;

use stateful_cluster::{
    Approval, Error, EvictionRecord, EvictionRecords, LeaseFacts, Mode, OnEviction, PodFacts, SetFacts, discover,
    lock_name,
};
use stateful_safety::{Reason, Workload, WorkloadId};
use tokio::time::timeout;

use crate::admission_request::Attempt;
use crate::admission_response::{Answer, Code};
use crate::denial::{self, Taking};
use crate::effective_policy::{EffectivePolicy, effective_policy};
use crate::evaluation::{Now, Question, against, from_memory};
use crate::guard::Guard;
use crate::reservations::{KEPT_WITHIN, is_spent};

/// How long writing a permission down may take. The API server waits five seconds for the whole answer.
const RESERVED_WITHIN: Duration = Duration::from_secs(3);

/// How often a lost race is run again. Whoever won it has usually made the answer no.
const TRIES: usize = 4;

/// Who goes on asking is written down again after this, so that the leader knows that somebody still waits.
const TOLD_FOR: Duration = Duration::from_secs(30);

/// A pod of a guarded database, and whose it is.
pub(crate) struct Target {
    pub(crate) set: Arc<SetFacts>,
    pub(crate) pod: Arc<PodFacts>,
}

/// What came of it, for metrics and logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Allowed,
    Refused,
    Warned,
    Audited,
    Approved,
    Exempt,
}

/// Answers whether a member may be taken.
pub(crate) async fn take(guard: &Guard, attempt: &Attempt, target: &Target, how: Taking) -> Answer {
    let limits = effective_policy(&guard.known.inventory.model(), &target.set);
    if limits.exempt.contains(&attempt.user) {
        return told(guard, attempt, target, how, Outcome::Exempt, &[]).noting("exempt", attempt.user.clone());
    }
    let (uid, now) = (&target.pod.member.uid, Guard::now());
    let approval = target.pod.approval.as_deref().and_then(Approval::read);
    if let Some(approval) = approval.filter(|approval| approval.is_valid(uid, now.wall)) {
        let answer = told(guard, attempt, target, how, Outcome::Approved, &[]);
        let note = format!("by {} until {}: {}", approval.by, approval.until, approval.reason);
        return answer.noting("approved", note);
    }
    let reasons = match suspected(guard, target, &limits, now).await {
        reasons if !reasons.is_empty() => reasons,
        _ if attempt.dry_run => Vec::new(),
        _ => Box::pin(reserved(guard, target, &limits)).await,
    };
    if reasons.is_empty() {
        return told(guard, attempt, target, how, Outcome::Allowed, &[]);
    }
    let switches_over = limits.on_eviction == OnEviction::Switchover
        && limits.mode == Mode::Enforce
        && reasons.iter().any(|reason| matches!(reason, Reason::PrimaryTaken { .. }));
    if !attempt.dry_run && limits.mode == Mode::Enforce {
        Box::pin(asked(guard, target, switches_over)).await;
    }
    let outcome = match limits.mode {
        Mode::Enforce => Outcome::Refused,
        Mode::Warn => Outcome::Warned,
        Mode::Audit => Outcome::Audited,
    };
    let answer = told(guard, attempt, target, how, outcome, &reasons);
    let message = denial::refusal(target, how, &reasons, switches_over);
    let codes = reasons.iter().map(Reason::code).collect::<Vec<_>>().join(",");
    match outcome {
        Outcome::Refused => {
            let code =
                if how == Taking::Deletion || denial::is_for_ever(&reasons) { Code::Never } else { Code::NotNow };
            Answer::refuse(code, message, denial::causes(&reasons)).noting("reasons", codes)
        }
        Outcome::Warned => Answer { warnings: vec![message], ..answer }.noting("reasons", codes),
        _ => answer.noting("reasons", codes),
    }
}

/// Reasons against it from memory. When it is an operation that stands in the way, its claim is read anew: it may have
/// named this very pod a moment ago.
async fn suspected(guard: &Guard, target: &Target, limits: &EffectivePolicy, now: Now) -> Vec<Reason> {
    let member = &target.pod.member;
    let reasons = {
        let model = guard.known.inventory.model();
        from_memory(&guard.known, &model, &target.set, (&member.name, &member.uid), limits, now)
    };
    if !reasons.iter().any(|reason| matches!(reason, Reason::PlanInProgress { .. })) {
        return reasons;
    }
    let id = &target.set.workload.id;
    let Ok(Ok(claim)) = timeout(RESERVED_WITHIN, Box::pin(claim_now(guard, id))).await else {
        return reasons;
    };
    let (workload, promises) = {
        let model = guard.known.inventory.model();
        (model.workload(id), model.promises(id).to_vec())
    };
    let Some(workload) = workload else { return reasons };
    asked_again(guard, target, limits, &workload, &promises, claim.as_ref())
}

/// The claim on a workload, straight from the API server. One that has not changed since the watch saw it was seen then,
/// not now.
pub(crate) async fn claim_now(guard: &Guard, id: &WorkloadId) -> Result<Option<LeaseFacts>, Error> {
    let read = stateful_cluster::lease(&guard.cluster, &id.namespace, &lock_name(&id.name)).await?;
    let model = guard.known.inventory.model();
    let remembered = model.claim(id);
    Ok(read.map(|read| match remembered {
        Some(remembered) if remembered.version == read.version => remembered.clone(),
        _ => read,
    }))
}

fn asked_again(
    guard: &Guard,
    target: &Target,
    limits: &EffectivePolicy,
    workload: &Workload,
    promises: &[EvictionRecord],
    claim: Option<&LeaseFacts>,
) -> Vec<Reason> {
    let member = &target.pod.member;
    let (set, pod, uid, now) = (&target.set, member.name.as_str(), member.uid.as_str(), Guard::now());
    against(&guard.known, &Question { set, workload, pod, uid, limits, promises, claim, now })
}

/// Writes the permission down, or says why there is none.
async fn reserved(guard: &Guard, target: &Target, limits: &EffectivePolicy) -> Vec<Reason> {
    let not_reserved = |why: String| vec![Reason::NotReserved { why }];
    let turn = guard.turn(&target.set.workload.id);
    let reserve = async {
        let _ours = turn.lock().await;
        for _ in 0..TRIES {
            match try_to_reserve(guard, target, limits).await {
                Err(Error::Conflict(_)) => {} // somebody else was allowed something: judge again with that
                Err(error) => return not_reserved(error.to_string()),
                Ok(reasons) => return reasons,
            }
        }
        not_reserved("others keep being quicker".to_owned())
    };
    let late = || not_reserved(format!("it took longer than {} s", RESERVED_WITHIN.as_secs()));
    timeout(RESERVED_WITHIN, reserve).await.unwrap_or_else(|_| late())
}

async fn try_to_reserve(guard: &Guard, target: &Target, limits: &EffectivePolicy) -> Result<Vec<Reason>, Error> {
    let id = &target.set.workload.id;
    let mut book = EvictionRecords::read(&guard.cluster, &target.set.workload).await?;
    // Not from memory: a watch may be behind, and this is the one moment at which that would matter.
    let workload = discover(&guard.cluster, id).await?;
    let workload = workload.ok_or_else(|| Error::NotFound(format!("{id} runs no database any more")))?;
    let claim = claim_now(guard, id).await?;
    let reasons = asked_again(guard, target, limits, &workload, &book.promises, claim.as_ref());
    if !reasons.is_empty() {
        return Ok(reasons);
    }
    let now = Guard::now().wall;
    book.promises.retain(|promise| !is_spent(promise, now));
    book.put(promise(target, true, false));
    book.write(&guard.cluster, &target.set.workload).await?;
    Ok(Vec::new())
}

/// Writes down that somebody asked for a pod and was refused: when it has moved by the time they ask again by name, they
/// can be told so; and the leader learns that a primary is in the way. Best effort: the refusal stands without it.
async fn asked(guard: &Guard, target: &Target, switches_over: bool) {
    let id = &target.set.workload.id;
    let uid = &target.pod.member.uid;
    let known = guard.known.inventory.model().promises(id).to_vec();
    let now = Guard::now().wall;
    let is_told = |promise: &EvictionRecord| {
        let age = now.duration_since(promise.at).unsigned_abs();
        // A permission that may still be made use of is not written over; its clock may be another machine's.
        let holds = promise.granted && age < 3 * KEPT_WITHIN;
        &promise.uid == uid && (holds || (!promise.granted && promise.switch_over == switches_over && age < TOLD_FOR))
    };
    if known.iter().any(is_told) {
        return;
    }
    let turn = guard.turn(id);
    let write = async {
        let _ours = turn.lock().await;
        let mut book = EvictionRecords::read(&guard.cluster, &target.set.workload).await?;
        if book.promises.iter().any(is_told) {
            return Ok(());
        }
        book.put(promise(target, false, switches_over));
        book.write(&guard.cluster, &target.set.workload).await
    };
    if let Ok(Err(error)) = timeout(RESERVED_WITHIN, write).await {
        tracing::debug!(workload = %id, %error, "not written down that somebody asked");
    }
}

fn promise(target: &Target, granted: bool, switch_over: bool) -> EvictionRecord {
    let member = &target.pod.member;
    EvictionRecord {
        pod: member.name.clone(),
        uid: member.uid.clone(),
        node: member.node.clone(),
        granted,
        switch_over,
        at: Guard::now().wall,
        since: None,
    }
}

/// Counts and tells what came of it; the answer is still a plain yes.
fn told(
    guard: &Guard,
    attempt: &Attempt,
    target: &Target,
    how: Taking,
    outcome: Outcome,
    reasons: &[Reason],
) -> Answer {
    guard.metrics.verdict(how.rule(), outcome, reasons);
    guard.notices.taking(attempt, target, how, outcome, reasons);
    Answer::allow()
}
