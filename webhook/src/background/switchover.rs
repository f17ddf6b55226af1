//! TOUCH, through an operation. Moves a primary away because an eviction of it waits: planned, journaled and locked like any
//! switchover a person asks for.

use std::sync::Arc;
use std::time::Duration;

use stateful_cluster::guard::eviction_records::{EvictionRecord, EvictionRecords};
use stateful_operations::session::{
    Caller, Conclusion, Leftover, Patience, Planned, Session, SessionError, WhenStopped,
};
use stateful_operations::{Goal, Live, Plan, Snapshot, TimeLimits, World, best_successor};
use stateful_safety::{Policy, Workload, WorkloadId};
use tokio::sync::{Semaphore, watch};

use crate::evaluation::effective_policy::EffectivePolicy;
use crate::evaluation::state::GuardState;

/// The verb in the journal. What a leader that died left unfinished is known by it.
const VERB: &str = "guard handover";

/// How long a switchover may take, its waiting included.
const LIMITS: TimeLimits = TimeLimits { whole: Some(Duration::from_mins(2)), step: Duration::from_mins(1) };

/// The guard plans once and is called again; the operation lock of a process that has just died is waited for.
const PATIENCE: Patience = Patience { new_plan: Duration::ZERO, rest: Duration::ZERO, lock: Duration::from_secs(12) };

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

/// Completes or reverts a switchover left by a crashed guard leader: until that is done the group may have no primary. Begins
/// when it has one of the `turns`.
pub(crate) async fn take_up(state: &GuardState, id: &WorkloadId, who: &str, turns: &Semaphore) {
    let Ok(turn) = turns.acquire().await else { return };
    // Hundreds may wait for their turn: what each needs besides is made when it has come.
    let ended = Box::pin(async {
        let (workload, policy) = found(state, id)?;
        let (_stop, stop) = watch::channel(false);
        let live = Live::open(&state.cluster, &workload, stop).await.map_err(|error| error.to_string())?;
        end_leftover(state, id, &session(&live, &policy, who)).await
    })
    .await;
    drop(turn);
    match ended {
        // There was nothing to end: the primary is missing because of something else.
        Ok(Leftover::Nothing) => tokio::time::sleep(AGAIN_AFTER).await,
        Ok(Leftover::Others(_)) => tokio::time::sleep(OTHERS_AGAIN_AFTER).await,
        Ok(Leftover::Ended(operation)) => {
            tracing::info!(workload = %id, operation, "ended what a crashed guard leader had left unfinished");
        }
        Err(why) => {
            tracing::warn!(workload = %id, why, "what a guard leader has left unfinished is not ended yet");
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}

/// Makes another member the primary. `None` when this one is not the primary any more.
async fn switch_over(state: &GuardState, id: &WorkloadId, pod: &str, who: &str) -> Result<Option<String>, String> {
    let (workload, policy) = found(state, id)?;
    let (_stop, stop) = watch::channel(false);
    let live = Live::open(&state.cluster, &workload, stop).await.map_err(|error| error.to_string())?;
    let session = session(&live, &policy, who);
    if let Leftover::Others(entry) = end_leftover(state, id, &session).await? {
        return Err(SessionError::Unfinished(entry).to_string());
    }
    let snapshot = live.observe().await.map_err(|error| error.to_string())?;
    if !snapshot.leads(pod) {
        return Ok(None);
    }
    let member = successor(state, &snapshot, pod).ok_or_else(|| "no replica is in sync to take over".to_owned())?;
    let goal = Goal::Switchover { member: member.clone() };
    let plan = match session.plan_at_once(&goal, snapshot).map_err(|error| error.to_string())? {
        Planned::Plan(planned) => planned.0,
        Planned::Nothing(_) => return Ok(None),
    };
    let ending = session.run(VERB, plan, None).await.map_err(|error| error.to_string())?;
    for note in &ending.notes {
        tracing::warn!(workload = %id, pod, note, "beside a switchover");
    }
    match ending.conclusion {
        Conclusion::Done | Conclusion::WritesLost(_) => Ok(Some(member)),
        Conclusion::Stopped(stop) => Err(stop.to_string()),
    }
}

/// An operation of the guard's: it asks no one, and ends where it stops, since it plans anew at its next attempt.
fn session<'a>(live: &'a Live, policy: &'a Policy, who: &'a str) -> Session<'a> {
    Session {
        world: live,
        caller: &Unattended,
        who,
        policy,
        limits: LIMITS,
        patience: PATIENCE,
        when_stopped: WhenStopped::EndUnlessInterrupted,
        canary: false,
    }
}

/// The guard as the caller of an operation: no person waits at a terminal.
struct Unattended;

impl Caller for Unattended {
    fn agrees(&self, _plan: &Plan) -> bool {
        true
    }

    fn note(&self, text: &str) {
        tracing::debug!(text, "of a switchover");
    }
}

async fn end_leftover(state: &GuardState, id: &WorkloadId, session: &Session<'_>) -> Result<Leftover, String> {
    let seen = {
        let model = state.inventory.model();
        model.operation_lock(id).cloned()
    };
    session.end_leftover(VERB, seen.as_ref()).await.map_err(|error| error.to_string())
}

/// The workload as it is known, and what applies to it.
fn found(state: &GuardState, id: &WorkloadId) -> Result<(Arc<Workload>, Policy), String> {
    let gone = || "it is gone".to_owned();
    let model = state.inventory.model();
    let set = model.set(id).ok_or_else(gone)?;
    let policy = Policy { max_age: Policy::default().max_age, ..EffectivePolicy::resolve(&model, set).policy };
    Ok((model.workload(id).ok_or_else(gone)?, policy))
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
