//! Carries a plan out: observe, ask the gates, write the journal, make the change, observe until the step is done; and never
//! two steps at once.

mod outcome;
mod replan;
mod unstartable_pod;

use std::time::Duration;

pub use outcome::{Outcome, Stop, TimeLimits};
use stateful_engines::SwitchoverError;
use stateful_safety::{Millis, Policy};

use unstartable_pod::UnstartablePod;

use crate::journal::{Event, Line};
use crate::patterns::Pattern;
use crate::progress::{MemberLine, Progress, What};
use crate::steps::{Situation, Step, StepStatus};
use crate::{Plan, Snapshot, World, WorldError};

/// Between two snapshots. Six members over one API server answer in some 30 ms, so this keeps it mostly idle.
const POLL: Duration = Duration::from_millis(200);

/// A step counts as done after this many snapshots in a row say so: one good answer from a flapping cluster proves nothing.
const DONE_OBSERVATIONS: u32 = 2;

/// How often a switchover is asked for before an operator is needed: each time the engine refused or reverted it by itself.
const ATTEMPTS: u32 = 3;

/// An eviction that was not granted is asked for again after this long, as `kubectl drain` does, only sooner.
const EVICTION_RETRY: Duration = Duration::from_secs(2);

/// Runs a plan to its end, or to where it must stop. `who` is for the journal.
pub async fn execute(world: &dyn World, plan: Plan, policy: &Policy, limits: TimeLimits, who: &str) -> Outcome {
    let mut run = Run { world, policy, limits, who, plan, began: world.now(), shown: Vec::new(), replans: 0 };
    match run.run_steps().await {
        Ok(()) => Outcome::Finished,
        Err(stop) => {
            // Best effort: a lost operation lock or an API server that is away must not hide why it stopped.
            let _ = run.record(Line::Stopped { why: stop.to_string() }).await;
            Outcome::Stopped(stop)
        }
    }
}

struct Run<'a> {
    world: &'a dyn World,
    policy: &'a Policy,
    limits: TimeLimits,
    who: &'a str,
    plan: Plan,
    began: Millis,
    shown: Vec<MemberLine>,
    replans: u32,
}

/// What is to be done with the plan after a step.
enum After {
    /// The step is done: the next one.
    Done,
    /// The rest no longer fits and is planned again; why.
    Outdated(String),
    /// Another client has set the update strategy back: the rollout is held again first.
    OnDeleteLost,
    /// The step's switchover left a group without a primary: this plan finishes it first.
    NoPrimary(Box<Plan>),
}

/// What happened to a step since it began.
#[derive(Default)]
struct StepState {
    attempts: u32,
    /// Whether the last attempt was begun and no answer says how it ended.
    is_unanswered: bool,
    /// How many attempts the engine refused, or reverted by itself.
    refused: u32,
    done_observations: u32,
    switchover_took: Option<Millis>,
    unstartable: UnstartablePod,
    /// What it was last reported to wait for.
    last_reported: String,
}

impl Run<'_> {
    async fn run_steps(&mut self) -> Result<(), Stop> {
        let mut index = 0;
        while index < self.plan.steps.len() {
            match self.run_step(index).await? {
                After::Done => index += 1,
                After::Outdated(why) => {
                    self.replan(index, why).await?;
                    index = 0;
                }
                After::NoPrimary(plan) => {
                    let why = "the group has no primary: the switchover was not finished".to_owned();
                    self.count_replan(index, &why)?;
                    self.adopt(*plan, why).await?;
                    index = 0;
                }
                After::OnDeleteLost => {
                    let why = "another client has set the update strategy back".to_owned();
                    self.count_replan(index, &why)?;
                    self.adopt(self.plan.hold_again(index), why).await?;
                    index = 0;
                }
            }
        }
        Ok(())
    }

    async fn run_step(&mut self, index: usize) -> Result<After, Stop> {
        let step = self.plan.steps[index].clone();
        let started = self.world.now();
        let mut state = StepState::default();
        loop {
            let Some(snapshot) = self.observe_patiently(index, &step, &mut state, started).await? else { continue };
            // Before all else: clients wait. Only for a switchover that this very step has begun, as the journal says, and whose end
            // it did not observe.
            if state.is_unanswered
                && let Some(plan) = self.plan.finish_switchover(index, &snapshot, self.policy)
            {
                return Ok(After::NoPrimary(Box::new(plan)));
            }
            if self.plan.has_lost_on_delete(index, &snapshot) {
                return Ok(After::OnDeleteLost);
            }
            let situation = Situation { goal: &self.plan.goal, snapshot: &snapshot, policy: self.policy };
            let status = step.status(&situation);
            if status != StepStatus::Done {
                state.done_observations = 0;
            }
            let (why, pause) = match status {
                StepStatus::Stale(why) => return Ok(After::Outdated(why)),
                StepStatus::Done => {
                    state.done_observations += 1;
                    if state.attempts == 0 || state.done_observations >= DONE_OBSERVATIONS {
                        self.finish_step(index, &step, started, &state).await?;
                        let outdated = self.plan.moves_current_member(index, &snapshot);
                        let outdated = outdated.or_else(|| self.plan.has_finished_switchover(index));
                        return Ok(outdated.map_or(After::Done, After::Outdated));
                    }
                    (String::new(), POLL)
                }
                StepStatus::Running(why) => {
                    if let Some(why) = state.unstartable.reason_to_give_up(&step, &snapshot) {
                        return Err(Stop::needs_human(&step, why, Vec::new()));
                    }
                    (why, POLL)
                }
                StepStatus::Pending => match self.try_to_act(index, &step, &snapshot, &mut state).await? {
                    Some(after) => after,
                    None => continue,
                },
            };
            self.wait(index, &step, &mut state, why, pause, started).await?;
        }
    }

    /// For a step of which nothing is done yet: asks its gates, and makes its change if they are open. Returns what to wait for
    /// otherwise.
    async fn try_to_act(
        &mut self,
        index: usize,
        step: &Step,
        snapshot: &Snapshot,
        state: &mut StepState,
    ) -> Result<Option<(String, Duration)>, Stop> {
        let situation = Situation { goal: &self.plan.goal, snapshot, policy: self.policy };
        let Some(reasons) = Pattern::of(&self.plan.goal).reasons_against(step, &situation) else {
            return Err(Stop::needs_human(step, "no pattern knows this step".to_owned(), Vec::new()));
        };
        if let Some(first) = reasons.first() {
            if reasons.iter().any(|reason| !reason.may_pass()) {
                let texts: Vec<String> =
                    reasons.iter().map(|reason| format!("{} ({})", reason, reason.code())).collect();
                return Err(Stop::needs_human(step, texts.join("; "), reasons.clone()));
            }
            return Ok(Some((first.to_string(), POLL)));
        }
        let Some(action) = step.action(snapshot) else {
            return Ok(Some(("its pod is not there".to_owned(), POLL)));
        };
        let attempt = state.attempts + 1;
        // Before the change, never after: a process that resumes from this line observes whether the change was made.
        self.record(Line::Acting { step: index, attempt }).await?;
        // The last moment to say no: a step that had nothing to wait for has not asked yet.
        if self.world.pause(Duration::ZERO).await {
            return Err(Stop::Interrupted { step: step.to_string() });
        }
        // Writing the line may have waited for an API server that was away: the snapshot that the gates judged may be old.
        if self.world.now() - snapshot.assessment.taken_at > self.policy.max_age {
            return Ok(Some((String::new(), POLL)));
        }
        state.attempts = attempt;
        state.is_unanswered = true;
        if state.attempts == 1 {
            let (text, of) = (step.to_string(), self.plan.steps.len());
            self.report(What::StepStarted { step: index, of, text });
        }
        match self.world.act(&action, snapshot).await {
            Ok(took) => {
                state.is_unanswered = false;
                state.switchover_took = took.and_then(|took| Millis::try_from(took.as_millis()).ok());
                Ok(None)
            }
            Err(WorldError::NotGranted(why)) => Ok(Some((why, EVICTION_RETRY))),
            Err(WorldError::NotYet(why)) => Ok(Some((why, POLL))),
            // Whether it happened is found out by observing, not by repeating.
            Err(WorldError::Switchover(
                SwitchoverError::Unknown { why, .. } | SwitchoverError::LockNotConfirmed(why),
            )) => Ok(Some((why, POLL))),
            Err(WorldError::Switchover(error)) => {
                state.is_unanswered = false;
                state.refused += 1;
                let again = state.refused < ATTEMPTS;
                again
                    .then(|| Some((error.to_string(), EVICTION_RETRY)))
                    .ok_or_else(|| Stop::needs_human(step, error.to_string(), Vec::new()))
            }
            Err(WorldError::Cluster(stateful_cluster::Error::Unreachable(why))) => {
                Ok(Some((format!("the API server is away ({why})"), POLL)))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn finish_step(&mut self, index: usize, step: &Step, started: Millis, state: &StepState) -> Result<(), Stop> {
        let (took, switchover_took) = (self.world.now() - started, state.switchover_took);
        self.record(Line::Done { step: index, took, switchover_took }).await?;
        let (text, of, acted) = (step.to_string(), self.plan.steps.len(), state.attempts > 0);
        self.report(What::StepFinished { step: index, of, text, took, switchover_took, acted });
        Ok(())
    }

    /// Reports what is waited for, when that is new, and waits; ends when time is up or the process is asked to stop.
    async fn wait(
        &self,
        index: usize,
        step: &Step,
        state: &mut StepState,
        why: String,
        pause: Duration,
        started: Millis,
    ) -> Result<(), Stop> {
        let (text, of) = (step.to_string(), self.plan.steps.len());
        // An empty reason means one more snapshot, to be sure: nothing to report.
        if !why.is_empty() && state.last_reported != why {
            state.last_reported.clone_from(&why);
            self.report(What::StepWaiting { step: index, of, text: text.clone(), why: why.clone() });
        }
        let since = |then: Millis| Duration::from_millis(u64::try_from(self.world.now() - then).unwrap_or(0));
        let over = match self.limits.whole {
            Some(whole) if since(self.began) >= whole => Some(whole),
            _ => (since(started) >= self.limits.step).then_some(self.limits.step),
        };
        if let Some(after) = over {
            return Err(Stop::TimedOut { step: text, waiting_for: why, after });
        }
        if self.world.pause(pause).await { Err(Stop::Interrupted { step: text }) } else { Ok(()) }
    }

    /// A snapshot; none while the API server is away. Its restart must not end an operation.
    async fn observe_patiently(
        &mut self,
        index: usize,
        step: &Step,
        state: &mut StepState,
        started: Millis,
    ) -> Result<Option<Snapshot>, Stop> {
        match self.observe().await {
            Ok(snapshot) => Ok(Some(snapshot)),
            Err(WorldError::Cluster(stateful_cluster::Error::Unreachable(why))) => {
                let why = format!("the API server is away ({why})");
                self.wait(index, step, state, why, POLL, started).await.map(|()| None)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn observe(&mut self) -> Result<Snapshot, WorldError> {
        let snapshot = self.world.observe().await?;
        let members = MemberLine::all(&snapshot);
        if members != self.shown {
            self.shown.clone_from(&members);
            self.report(What::Members { members });
        }
        Ok(snapshot)
    }

    async fn record(&self, what: Line) -> Result<(), WorldError> {
        self.world.record(&Event { at: self.world.now(), what }).await
    }

    fn report(&self, what: What) {
        self.world.report(Progress { at: self.world.now(), what });
    }
}
