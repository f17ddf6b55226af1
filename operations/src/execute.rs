//! Carries a plan out: look, gate, journal, act, look again until it is so; and never two steps at once.

mod replan;

use std::time::Duration;

use stateful_engines::SwitchoverError;
use stateful_safety::{Millis, Policy};

use crate::journal::{Event, Line};
use crate::patterns::Pattern;
use crate::progress::{MemberLine, Progress, What};
use crate::steps::{Situation, Step, StepStatus};
use crate::unstartable_pod::Stuck;
use crate::{Outcome, Plan, Snapshot, Stop, TimeLimits, World, WorldError};

/// Between two looks. Six members over one API server answer in some 30 ms, so this keeps it mostly idle.
const POLL: Duration = Duration::from_millis(200);

/// A step counts as settled after this many looks in a row say so: one good answer in a flapping cluster is none.
const STABLE_LOOKS: u32 = 2;

/// How often a switchover is asked for before a human is: each time the engine refused or called it off by itself.
const ATTEMPTS: u32 = 3;

/// Not granted evictions are asked for again after this long, as `kubectl drain` does, only sooner.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// Runs a plan to its end, or to where it must stop. `who` is for the journal.
pub async fn execute(world: &dyn World, plan: Plan, policy: &Policy, limits: TimeLimits, who: &str) -> Outcome {
    let mut run = Run { world, policy, limits, who, plan, began: world.now(), shown: Vec::new(), redraws: 0 };
    match run.all().await {
        Ok(()) => Outcome::Finished,
        Err(stop) => {
            // Best effort: a lost claim or an API server that is away must not hide why it stopped.
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
    redraws: u32,
}

/// How a step left the plan.
enum After {
    Settled,
    Overtaken(String),
    /// The StatefulSet controller has its decision back before its time.
    LetGo,
    /// Nobody leads: its switchover is to be finished first.
    Unfinished(Box<Plan>),
}

/// What is known about a step while it runs.
#[derive(Default)]
struct Memory {
    attempts: u32,
    /// Whether the last one was begun and no answer says how it ended.
    unanswered: bool,
    /// How many of them the engine refused, or called off by itself.
    refused: u32,
    settled_looks: u32,
    handed_over_in: Option<Millis>,
    stuck: Stuck,
    /// What was last said to be waited for.
    said: String,
}

impl Run<'_> {
    async fn all(&mut self) -> Result<(), Stop> {
        let mut index = 0;
        while index < self.plan.steps.len() {
            match self.step(index).await? {
                After::Settled => index += 1,
                After::Overtaken(why) => {
                    self.redraw(index, why).await?;
                    index = 0;
                }
                After::Unfinished(plan) => {
                    let why = "nobody leads: the switchover did not come to its end".to_owned();
                    self.count(index, &why)?;
                    self.follow(*plan, why).await?;
                    index = 0;
                }
                After::LetGo => {
                    let why = "somebody has set the update strategy back".to_owned();
                    self.count(index, &why)?;
                    self.follow(self.plan.hold_again(index), why).await?;
                    index = 0;
                }
            }
        }
        Ok(())
    }

    async fn step(&mut self, index: usize) -> Result<After, Stop> {
        let step = self.plan.steps[index].clone();
        let started = self.world.now();
        let mut memory = Memory::default();
        loop {
            let Some(snapshot) = self.patient_look(index, &step, &mut memory, started).await? else { continue };
            // Before all else: clients wait. Only what this very step has begun, as the journal says, and saw no end of.
            if memory.unanswered
                && let Some(plan) = self.plan.finish_switchover(index, &snapshot, self.policy)
            {
                return Ok(After::Unfinished(Box::new(plan)));
            }
            if self.plan.has_lost_on_delete(index, &snapshot) {
                return Ok(After::LetGo);
            }
            let situation = Situation { goal: &self.plan.goal, snapshot: &snapshot, policy: self.policy };
            let status = step.status(&situation);
            if status != StepStatus::Done {
                memory.settled_looks = 0;
            }
            let (why, pause) = match status {
                StepStatus::Stale(why) => return Ok(After::Overtaken(why)),
                StepStatus::Done => {
                    memory.settled_looks += 1;
                    if memory.attempts == 0 || memory.settled_looks >= STABLE_LOOKS {
                        self.done(index, &step, started, &memory).await?;
                        let outdated = self.plan.moves_current_member(index, &snapshot);
                        let outdated = outdated.or_else(|| self.plan.has_finished_switchover(index));
                        return Ok(outdated.map_or(After::Settled, After::Overtaken));
                    }
                    (String::new(), POLL)
                }
                StepStatus::Running(why) => {
                    if let Some(why) = memory.stuck.for_too_long(&step, &snapshot) {
                        return Err(Stop::human(&step, why, Vec::new()));
                    }
                    (why, POLL)
                }
                StepStatus::Pending => match self.open(index, &step, &snapshot, &mut memory).await? {
                    Some(after) => after,
                    None => continue,
                },
            };
            self.wait(index, &step, &mut memory, why, pause, started).await?;
        }
    }

    /// A step with nothing done yet: asks its gates, and acts if they are open. What to wait for otherwise.
    async fn open(
        &mut self,
        index: usize,
        step: &Step,
        snapshot: &Snapshot,
        memory: &mut Memory,
    ) -> Result<Option<(String, Duration)>, Stop> {
        let situation = Situation { goal: &self.plan.goal, snapshot, policy: self.policy };
        let Some(reasons) = Pattern::of(&self.plan.goal).reasons_against(step, &situation) else {
            return Err(Stop::human(step, "no pattern knows this step".to_owned(), Vec::new()));
        };
        if let Some(first) = reasons.first() {
            if reasons.iter().any(|reason| !reason.may_pass()) {
                let told: Vec<String> =
                    reasons.iter().map(|reason| format!("{} ({})", reason, reason.code())).collect();
                return Err(Stop::human(step, told.join("; "), reasons.clone()));
            }
            return Ok(Some((first.to_string(), POLL)));
        }
        let Some(action) = step.action(snapshot) else {
            return Ok(Some(("its pod is not there".to_owned(), POLL)));
        };
        let attempt = memory.attempts + 1;
        // Before the act, never after: whoever finds this line looks whether it happened.
        self.record(Line::Acting { step: index, attempt }).await?;
        // The last moment to say no: a step that had nothing to wait for has not asked yet.
        if self.world.pause(Duration::ZERO).await {
            return Err(Stop::Interrupted { step: step.to_string() });
        }
        // An API server that was away kept the line waiting: what the gates were asked on may be history by now.
        if self.world.now() - snapshot.assessment.taken_at > self.policy.max_age {
            return Ok(Some((String::new(), POLL)));
        }
        memory.attempts = attempt;
        memory.unanswered = true;
        if memory.attempts == 1 {
            let (text, of) = (step.to_string(), self.plan.steps.len());
            self.tell(What::StepStarted { step: index, of, text });
        }
        match self.world.act(&action, snapshot).await {
            Ok(took) => {
                memory.unanswered = false;
                memory.handed_over_in = took.and_then(|took| Millis::try_from(took.as_millis()).ok());
                Ok(None)
            }
            Err(WorldError::NotGranted(why)) => Ok(Some((why, ASK_AGAIN))),
            Err(WorldError::NotYet(why)) => Ok(Some((why, POLL))),
            // Whether it happened is found out by looking, not by repeating.
            Err(WorldError::Switchover(SwitchoverError::Unknown { why, .. })) => Ok(Some((why, POLL))),
            Err(WorldError::Switchover(error)) => {
                memory.unanswered = false;
                memory.refused += 1;
                let again = memory.refused < ATTEMPTS;
                again
                    .then(|| Some((error.to_string(), ASK_AGAIN)))
                    .ok_or_else(|| Stop::human(step, error.to_string(), Vec::new()))
            }
            Err(WorldError::Cluster(stateful_cluster::Error::Unreachable(why))) => {
                Ok(Some((format!("the API server is away ({why})"), POLL)))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn done(&mut self, index: usize, step: &Step, started: Millis, memory: &Memory) -> Result<(), Stop> {
        let (took, handed_over_in) = (self.world.now() - started, memory.handed_over_in);
        self.record(Line::Done { step: index, took, handed_over_in }).await?;
        let (text, of, acted) = (step.to_string(), self.plan.steps.len(), memory.attempts > 0);
        self.tell(What::StepFinished { step: index, of, text, took, handed_over_in, acted });
        Ok(())
    }

    /// Says what is waited for, when that is new, and waits; ends when time is up or somebody asks.
    async fn wait(
        &self,
        index: usize,
        step: &Step,
        memory: &mut Memory,
        why: String,
        pause: Duration,
        started: Millis,
    ) -> Result<(), Stop> {
        let (text, of) = (step.to_string(), self.plan.steps.len());
        // An empty reason is only a look more, to be sure: nothing to tell.
        if !why.is_empty() && memory.said != why {
            memory.said.clone_from(&why);
            self.tell(What::StepWaiting { step: index, of, text: text.clone(), why: why.clone() });
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

    /// A look; none while the API server is away. Its restart must not end an operation.
    async fn patient_look(
        &mut self,
        index: usize,
        step: &Step,
        memory: &mut Memory,
        started: Millis,
    ) -> Result<Option<Snapshot>, Stop> {
        match self.observe().await {
            Ok(snapshot) => Ok(Some(snapshot)),
            Err(WorldError::Cluster(stateful_cluster::Error::Unreachable(why))) => {
                let why = format!("the API server is away ({why})");
                self.wait(index, step, memory, why, POLL, started).await.map(|()| None)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn observe(&mut self) -> Result<Snapshot, WorldError> {
        let snapshot = self.world.observe().await?;
        let members = MemberLine::all(&snapshot);
        if members != self.shown {
            self.shown.clone_from(&members);
            self.tell(What::Members { members });
        }
        Ok(snapshot)
    }

    async fn record(&self, what: Line) -> Result<(), WorldError> {
        self.world.record(&Event { at: self.world.now(), what }).await
    }

    fn tell(&self, what: What) {
        self.world.report(Progress { at: self.world.now(), what });
    }
}
