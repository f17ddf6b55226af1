//! Plans the rest again when the database has changed by itself.

use stateful_engines::BoxFuture;
use stateful_safety::{Millis, Reason};

use super::{POLL, Run, StepState, Stop};
use crate::journal::Line;
use crate::planning::retry::{Pace, plan_when_possible};
use crate::progress::What;
use crate::steps::Step;
use crate::{Plan, Refusal, Snapshot, make_plan};

/// How often the rest may be planned again because roles moved by themselves. A cluster whose roles move more often has another
/// problem than its version.
const REPLANS: u32 = 5;

impl Run<'_> {
    pub(super) fn count_replan(&mut self, index: usize, why: &str) -> Result<(), Stop> {
        self.replans += 1;
        if self.replans > REPLANS {
            let why = format!("the database changed by itself {REPLANS} times, last: {why}");
            return Err(Stop::needs_human(&self.plan.steps[index], why, Vec::new()));
        }
        Ok(())
    }

    /// Roles have moved by themselves: plans what is left, once every member is in sync again.
    pub(super) async fn replan(&mut self, index: usize, why: String) -> Result<(), Stop> {
        self.count_replan(index, &why)?;
        let step = self.plan.steps[index].clone();
        let (goal, origin, policy) = (self.plan.goal.clone(), self.plan.origin.clone(), self.policy);
        let (started, state) = (self.world.now(), StepState::default());
        let mut pace = ReplanPace { index, step: &step, state, started, run: self };
        let attempt = |snapshot: &Snapshot| make_plan(&goal, snapshot, origin.clone(), policy);
        match plan_when_possible(&mut pace, attempt).await?.0 {
            Ok(plan) => self.adopt(plan, why).await,
            Err(Refusal::Nothing(_)) => {
                let plan = Plan { steps: Vec::new(), ..self.plan.clone() };
                self.adopt(plan, why).await
            }
            Err(Refusal::Unsafe(reasons)) => {
                let texts: Vec<String> = reasons.iter().map(ToString::to_string).collect();
                Err(Stop::needs_human(&step, texts.join("; "), reasons))
            }
        }
    }

    pub(super) async fn adopt(&mut self, plan: Plan, why: String) -> Result<(), Stop> {
        self.record(Line::Replanned { by: self.who.to_owned(), why: why.clone(), plan: plan.clone() }).await?;
        let steps = plan.steps.iter().map(ToString::to_string).collect();
        self.report(What::Replanned { why, steps });
        self.plan = plan;
        Ok(())
    }
}

/// How a running operation waits for its new plan: within the limits of the step that it was at.
struct ReplanPace<'r, 'a> {
    run: &'r mut Run<'a>,
    index: usize,
    step: &'r Step,
    state: StepState,
    started: Millis,
}

impl Pace for ReplanPace<'_, '_> {
    type Error = Stop;

    fn observe(&mut self) -> BoxFuture<'_, Result<Option<Snapshot>, Stop>> {
        Box::pin(self.run.observe_patiently(self.index, self.step, &mut self.state, self.started))
    }

    fn wait<'w>(&'w mut self, reasons: &'w [Reason]) -> BoxFuture<'w, Result<bool, Stop>> {
        Box::pin(async move {
            let first = reasons.first().map(ToString::to_string).unwrap_or_default();
            self.run.wait(self.index, self.step, &mut self.state, first, POLL, self.started).await?;
            Ok(true)
        })
    }
}
