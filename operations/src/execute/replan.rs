//! What is left, drawn up anew when the world has moved by itself.

use stateful_engines::BoxFuture;
use stateful_safety::{Millis, Reason};

use super::{Memory, POLL, Run};
use crate::journal::Line;
use crate::planning::retry::{Pace, plan_when_possible};
use crate::progress::What;
use crate::steps::Step;
use crate::{Plan, Refusal, Snapshot, Stop, make_plan};

/// How often what is left may be drawn up anew because the roles moved by themselves. A cluster that moves more often
/// has another problem than its version.
const REDRAWS: u32 = 5;

impl Run<'_> {
    pub(super) fn count(&mut self, index: usize, why: &str) -> Result<(), Stop> {
        self.redraws += 1;
        if self.redraws > REDRAWS {
            let why = format!("things moved by themselves {REDRAWS} times, last: {why}");
            return Err(Stop::human(&self.plan.steps[index], why, Vec::new()));
        }
        Ok(())
    }

    /// The roles have moved by themselves: plans what is left, once every member is in place again.
    pub(super) async fn redraw(&mut self, index: usize, why: String) -> Result<(), Stop> {
        self.count(index, &why)?;
        let step = self.plan.steps[index].clone();
        let (goal, origin, policy) = (self.plan.goal.clone(), self.plan.origin.clone(), self.policy);
        let (started, memory) = (self.world.now(), Memory::default());
        let mut pace = ReplanPace { index, step: &step, memory, started, run: self };
        let attempt = |snapshot: &Snapshot| make_plan(&goal, snapshot, origin.clone(), policy);
        match plan_when_possible(&mut pace, attempt).await?.0 {
            Ok(plan) => self.follow(plan, why).await,
            Err(Refusal::Nothing(_)) => {
                let plan = Plan { steps: Vec::new(), ..self.plan.clone() };
                self.follow(plan, why).await
            }
            Err(Refusal::Unsafe(reasons)) => {
                let told: Vec<String> = reasons.iter().map(ToString::to_string).collect();
                Err(Stop::human(&step, told.join("; "), reasons))
            }
        }
    }

    pub(super) async fn follow(&mut self, plan: Plan, why: String) -> Result<(), Stop> {
        self.record(Line::Redrawn { by: self.who.to_owned(), why: why.clone(), plan: plan.clone() }).await?;
        let steps = plan.steps.iter().map(ToString::to_string).collect();
        self.tell(What::Redrawn { why, steps });
        self.plan = plan;
        Ok(())
    }
}

/// How a running operation waits for its new plan: within the limits of the step that it was at.
struct ReplanPace<'r, 'a> {
    run: &'r mut Run<'a>,
    index: usize,
    step: &'r Step,
    memory: Memory,
    started: Millis,
}

impl Pace for ReplanPace<'_, '_> {
    type Error = Stop;

    fn observe(&mut self) -> BoxFuture<'_, Result<Option<Snapshot>, Stop>> {
        Box::pin(self.run.patient_look(self.index, self.step, &mut self.memory, self.started))
    }

    fn wait<'w>(&'w mut self, reasons: &'w [Reason]) -> BoxFuture<'w, Result<bool, Stop>> {
        Box::pin(async move {
            let first = reasons.first().map(ToString::to_string).unwrap_or_default();
            self.run.wait(self.index, self.step, &mut self.memory, first, POLL, self.started).await?;
            Ok(true)
        })
    }
}
