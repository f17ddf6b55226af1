//! TOUCH, through an operation. Moves a primary away because somebody waits to evict it: planned, journaled and claimed
//! like any switchover a person asks for.

use std::sync::Arc;
use std::time::Duration;

use stateful_cluster::guard::eviction_records::{EvictionRecord, EvictionRecords};
use stateful_operations::journal::Entry;
use stateful_operations::{
    Goal, Live, Origin, Outcome, Plan, Refusal, Snapshot, TimeLimits, World, WorldError, best_successor, execute,
    find_interrupted, make_plan, plan_remaining,
};
use stateful_safety::{Policy, Workload, WorkloadId};
use tokio::sync::{Semaphore, watch};

use crate::evaluation::effective_policy::EffectivePolicy;
use crate::evaluation::state::GuardState;

/// The verb in the journal. What a leader that died left unfinished is known by it.
const VERB: &str = "guard handover";

/// How long a switchover may take, its waiting included.
const LIMITS: TimeLimits = TimeLimits { whole: Some(Duration::from_mins(2)), step: Duration::from_mins(1) };

/// A claim of somebody who has just died is waited for.
const CLAIM_PATIENCE: Duration = Duration::from_secs(12);

/// Before the next try when one came to nothing.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Before the next look at what is not the guard's to end: whoever left it may take a while.
const OTHERS_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Switches over, and tells how it went. What fails is tried again for as long as somebody waits.
pub(crate) async fn carry_out(state: &GuardState, id: &WorkloadId, promise: &EvictionRecord, who: &str) {
    let pod = &promise.pod;
    match switch_over(state, id, pod, who).await {
        Ok(Some(successor)) => {
            tracing::info!(workload = %id, pod, successor, "switched over");
            settle(state, id, promise).await;
        }
        Ok(None) => settle(state, id, promise).await,
        Err(why) => {
            tracing::warn!(workload = %id, pod, why, "no switchover now");
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}

/// Ends what a leader that died left of a switchover, whoever still waits for it: nobody may lead until that is done. Begins
/// when it has one of the `turns`.
pub(crate) async fn take_up(state: &GuardState, id: &WorkloadId, who: &str, turns: &Semaphore) {
    let Ok(turn) = turns.acquire().await else { return };
    // Hundreds may wait for theirs: what one needs besides is made when it has come.
    let ended = Box::pin(async {
        let (workload, policy) = found(state, id)?;
        let (_stop, stop) = watch::channel(false);
        let live = Live::open(&state.cluster, &workload, stop).await.map_err(|error| error.to_string())?;
        end_ours(state, &live, &workload, &policy, who).await
    })
    .await;
    drop(turn);
    match ended {
        // There was nothing to end: nobody leads because of something else.
        Ok(Left::Nothing) => tokio::time::sleep(AGAIN_AFTER).await,
        Ok(Left::Others(_)) => tokio::time::sleep(OTHERS_AGAIN_AFTER).await,
        Ok(Left::Ended(operation)) => tracing::info!(workload = %id, operation, "ended what a leader had left open"),
        Err(why) => {
            tracing::warn!(workload = %id, why, "what a leader has left open is not ended yet");
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}

/// Makes another member lead. `None` when this one does not lead any more.
async fn switch_over(state: &GuardState, id: &WorkloadId, pod: &str, who: &str) -> Result<Option<String>, String> {
    let (workload, policy) = found(state, id)?;
    let (_stop, stop) = watch::channel(false);
    let live = Live::open(&state.cluster, &workload, stop).await.map_err(|error| error.to_string())?;
    if let Left::Others(open) = end_ours(state, &live, &workload, &policy, who).await? {
        return Err(open);
    }
    let snapshot = live.snapshot().await.map_err(|error| error.to_string())?;
    if !snapshot.leads(pod) {
        return Ok(None);
    }
    let member = successor(state, &snapshot, pod).ok_or_else(|| "nobody is in sync to take over".to_owned())?;
    let goal = Goal::Switchover { member: member.clone() };
    let plan = match make_plan(&goal, &snapshot, Origin::of(&snapshot), &policy) {
        Ok(plan) => plan,
        Err(Refusal::Nothing(_)) => return Ok(None),
        Err(refusal @ Refusal::Unsafe(_)) => return Err(words(&refusal)),
    };
    let id = live.begin(&workload, VERB, who, &plan, CLAIM_PATIENCE).await.map_err(|error| error.to_string())?;
    let Outcome::Stopped(stop) = execute(&live, plan, &policy, LIMITS, who).await else {
        live.finish(None).await.map_err(|error| error.to_string())?;
        return Ok(Some(member));
    };
    // Where it stopped it is safe, and nothing of a switchover is left to resume: unless nobody leads. What cannot be
    // read may be that.
    let history = live.history(&workload).await.unwrap_or_default();
    match (history.iter().find(|entry| entry.id == id), live.snapshot().await) {
        (Some(entry), Ok(snapshot)) if find_interrupted(entry, &snapshot).is_none() => live.abort(who).await,
        _ => live.let_go().await,
    }
    .map_err(|error| error.to_string())?;
    Err(stop.to_string())
}

/// The workload as it is known, and what applies to it.
fn found(state: &GuardState, id: &WorkloadId) -> Result<(Arc<Workload>, Policy), String> {
    let gone = || "it is gone".to_owned();
    let model = state.inventory.model();
    let set = model.set(id).ok_or_else(gone)?;
    let policy = Policy { max_age: Policy::default().max_age, ..EffectivePolicy::resolve(&model, set).policy };
    Ok((model.workload(id).ok_or_else(gone)?, policy))
}

/// What the journal said was left open.
enum Left {
    Nothing,
    /// It was the guard's own, of that name, and is ended.
    Ended(String),
    /// It is somebody else's, who will come back to it: in words.
    Others(String),
}

async fn end_ours(
    state: &GuardState,
    live: &Live,
    workload: &Workload,
    policy: &Policy,
    who: &str,
) -> Result<Left, String> {
    let history = live.history(workload).await.map_err(|error| error.to_string())?;
    let Some(open) = history.iter().find(|entry| entry.state.is_open()) else { return Ok(Left::Nothing) };
    if open.verb != VERB {
        return Ok(Left::Others(format!("operation {} ({}, by {}) is unfinished", open.id, open.verb, open.by)));
    }
    let seen = {
        let model = state.inventory.model();
        model.operation_lock(&workload.id).cloned()
    };
    let taken = live.take_over(workload, open, who, CLAIM_PATIENCE, seen.as_ref()).await;
    taken.map_err(|error| error.to_string())?;
    end(live, open, policy, who).await?;
    Ok(Left::Ended(open.id.clone()))
}

/// Ends what a leader that died left open. Its goal was a state, and what is left of it is drawn up anew by the caller;
/// but a switchover in whose pause it died is finished, or given back, before all else: nobody leads meanwhile.
async fn end(live: &Live, open: &Entry, policy: &Policy, who: &str) -> Result<(), String> {
    let told = |error: WorldError| error.to_string();
    let snapshot = live.snapshot().await.map_err(told)?;
    if find_interrupted(open, &snapshot).is_none() {
        return live.abort(who).await.map_err(told);
    }
    let finished = match plan_remaining(open, &open.current.goal, &snapshot, policy) {
        Ok(plan) => carry_on(live, plan, policy, who).await,
        Err(refusal) => Err(words(&refusal)),
    };
    match finished {
        Ok(()) => live.finish(None).await.map_err(told),
        Err(why) => {
            live.let_go().await.map_err(told)?;
            Err(why)
        }
    }
}

async fn carry_on(live: &Live, plan: Plan, policy: &Policy, who: &str) -> Result<(), String> {
    live.redrawn(who, &plan).await.map_err(|error| error.to_string())?;
    match execute(live, plan, policy, LIMITS, who).await {
        Outcome::Finished => Ok(()),
        Outcome::Stopped(stop) => Err(stop.to_string()),
    }
}

fn words(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Nothing(why) => why.clone(),
        Refusal::Unsafe(reasons) => reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    }
}

/// Who should lead: not a member whose node is being emptied too, if there is another.
fn successor(state: &GuardState, snapshot: &Snapshot, pod: &str) -> Option<String> {
    let group = snapshot.assessment.group_of(pod)?;
    let primary = group.primary()?;
    let model = state.inventory.model();
    let stays = |name: &str| {
        let node = snapshot.workload.member(name).and_then(|member| member.node.as_deref());
        node.is_some_and(|node| model.is_cordoned(node) == Some(false))
    };
    let mut staying = group.clone();
    staying.members.retain(|member| member.name == primary.name || stays(&member.name));
    let best = best_successor(snapshot, &staying, primary).or_else(|| best_successor(snapshot, group, primary));
    best.map(|member| member.name.clone())
}

/// Nobody waits for this switchover any more.
async fn settle(state: &GuardState, id: &WorkloadId, promise: &EvictionRecord) {
    let Some(workload) = state.inventory.model().workload(id) else {
        return;
    };
    let write_lock = state.write_lock(id);
    let _guard = write_lock.lock().await;
    let settled = async {
        let mut book = EvictionRecords::read(&state.cluster, &workload).await?;
        if book.entries.iter().any(|other| other.uid == promise.uid && other.switch_over) {
            book.put(EvictionRecord { switch_over: false, ..promise.clone() });
            book.write(&state.cluster, &workload).await?;
        }
        Ok::<(), stateful_cluster::Error>(())
    };
    if let Err(error) = settled.await {
        tracing::debug!(workload = %id, %error, "the switchover stays written down a moment longer");
    }
}
