//! TOUCH, through an operation. Switches over from a primary whose eviction was requested: planned, journaled and under an
//! operation lock, like `kubectl stateful switchover`.

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

/// The verb in the journal. By it the next leader recognizes what a crashed leader left unfinished.
const VERB: &str = "guard handover";

/// How long a switchover may take, waiting included.
const LIMITS: TimeLimits = TimeLimits { whole: Some(Duration::from_mins(2)), step: Duration::from_mins(1) };

/// The guard plans once, since the leader calls again. It waits for the operation lock of a crashed process to expire.
const PATIENCE: Patience = Patience { new_plan: Duration::ZERO, rest: Duration::ZERO, lock: Duration::from_secs(12) };

/// The pause after a failed attempt.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// The pause after finding an unfinished operation that is not the guard's: its user may take a while to resume it.
const OTHERS_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Switches over, and logs the result. The leader calls again after a failure, as long as an eviction waits.
pub(crate) async fn carry_out(state: &GuardState, id: &WorkloadId, record: &EvictionRecord, who: &str) {
    let pod = &record.pod;
    match switch_over(state, id, pod, who).await {
        Ok(Some(successor)) => {
            tracing::info!(workload = %id, pod, successor, "switched over");
            clear_request(state, id, record).await;
        }
        Ok(None) => clear_request(state, id, record).await,
        Err(why) => {
            tracing::warn!(workload = %id, pod, why, "the guard could not switch over");
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}

/// Completes or reverts a switchover left by a crashed guard leader: until that is done the group may have no primary. Starts
/// when it has one of the `permits`.
pub(crate) async fn take_up(state: &GuardState, id: &WorkloadId, who: &str, permits: &Semaphore) {
    let Ok(permit) = permits.acquire().await else { return };
    // Boxed, and after the permit: hundreds may wait for theirs, and each future takes tens of kilobytes.
    let ended = Box::pin(async {
        let (workload, policy) = find_workload(state, id)?;
        let (_stop, stop) = watch::channel(false);
        let live = Live::open(&state.cluster, &workload, stop).await.map_err(|error| error.to_string())?;
        end_leftover(state, id, &open_session(&live, &policy, who)).await
    })
    .await;
    drop(permit);
    match ended {
        // There was nothing to end: the primary is missing because of something else.
        Ok(Leftover::Nothing) => tokio::time::sleep(AGAIN_AFTER).await,
        Ok(Leftover::Others(_)) => tokio::time::sleep(OTHERS_AGAIN_AFTER).await,
        Ok(Leftover::Ended(operation)) => {
            tracing::info!(workload = %id, operation, "ended what a crashed guard leader had left unfinished");
        }
        Err(why) => {
            tracing::warn!(workload = %id, why, "could not yet end the operation that a crashed guard leader left unfinished; trying again");
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}

/// Makes another member the primary. `None` when this one is not the primary any more.
async fn switch_over(state: &GuardState, id: &WorkloadId, pod: &str, who: &str) -> Result<Option<String>, String> {
    let (workload, policy) = find_workload(state, id)?;
    let (_stop, stop) = watch::channel(false);
    let live = Live::open(&state.cluster, &workload, stop).await.map_err(|error| error.to_string())?;
    let session = open_session(&live, &policy, who);
    if let Leftover::Others(entry) = end_leftover(state, id, &session).await? {
        return Err(SessionError::Unfinished(entry).to_string());
    }
    let snapshot = live.observe().await.map_err(|error| error.to_string())?;
    if !snapshot.leads(pod) {
        return Ok(None);
    }
    let member =
        choose_successor(state, &snapshot, pod).ok_or_else(|| "no replica is in sync to take over".to_owned())?;
    let goal = Goal::Switchover { member: member.clone() };
    let plan = match session.plan_at_once(&goal, snapshot).map_err(|error| error.to_string())? {
        Planned::Plan(planned) => planned.0,
        Planned::Nothing(_) => return Ok(None),
    };
    let ending = session.run(VERB, plan, None).await.map_err(|error| error.to_string())?;
    for note in &ending.notes {
        tracing::warn!(workload = %id, pod, note, "a note of the switchover");
    }
    match ending.conclusion {
        Conclusion::Done | Conclusion::WritesLost(_) => Ok(Some(member)),
        Conclusion::Stopped(stop) => Err(stop.to_string()),
    }
}

/// An operation of the guard: it asks for no consent, and ends where it stops, since the next attempt makes a new plan.
fn open_session<'a>(live: &'a Live, policy: &'a Policy, who: &'a str) -> Session<'a> {
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

/// The guard as the caller of an operation: no user waits at a terminal.
struct Unattended;

impl Caller for Unattended {
    fn agrees(&self, _plan: &Plan) -> bool {
        true
    }

    fn note(&self, text: &str) {
        tracing::debug!(text, "a note of the switchover");
    }
}

async fn end_leftover(state: &GuardState, id: &WorkloadId, session: &Session<'_>) -> Result<Leftover, String> {
    let seen = {
        let model = state.inventory.model();
        model.operation_lock(id).cloned()
    };
    session.end_leftover(VERB, seen.as_ref()).await.map_err(|error| error.to_string())
}

/// Finds the workload in the cache, and the policy that applies to it.
fn find_workload(state: &GuardState, id: &WorkloadId) -> Result<(Arc<Workload>, Policy), String> {
    let gone = || "the database no longer exists".to_owned();
    let model = state.inventory.model();
    let set = model.set(id).ok_or_else(gone)?;
    let policy = Policy { max_age: Policy::default().max_age, ..EffectivePolicy::resolve(&model, set).policy };
    Ok((model.workload(id).ok_or_else(gone)?, policy))
}

/// Chooses the next primary: not a member on a cordoned node, if there is another.
fn choose_successor(state: &GuardState, snapshot: &Snapshot, pod: &str) -> Option<String> {
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

/// Records that no eviction waits for this switchover any more.
async fn clear_request(state: &GuardState, id: &WorkloadId, record: &EvictionRecord) {
    let Some(workload) = state.inventory.model().workload(id) else {
        return;
    };
    let write_lock = state.write_lock(id);
    let _guard = write_lock.lock().await;
    let written = async {
        let mut records = EvictionRecords::read(&state.cluster, &workload).await?;
        if records.entries.iter().any(|other| other.uid == record.uid && other.switch_over) {
            records.put(EvictionRecord { switch_over: false, ..record.clone() });
            records.write(&state.cluster, &workload).await?;
        }
        Ok::<(), stateful_cluster::Error>(())
    };
    if let Err(error) = written.await {
        tracing::debug!(workload = %id, %error, "the record of the requested switchover could not be cleared");
    }
}
