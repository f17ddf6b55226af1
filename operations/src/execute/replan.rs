//! What is left, drawn up anew when the world has moved by itself.

use super::{Memory, POLL, Run};
use crate::journal::Line;
use crate::progress::What;
use crate::{Plan, Refusal, Stop, make_plan};

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

    /// The roles have moved by themselves: draws up what is left, once everybody is in place again.
    pub(super) async fn redraw(&mut self, index: usize, why: String) -> Result<(), Stop> {
        self.count(index, &why)?;
        let step = self.plan.steps[index].clone();
        let started = self.world.now();
        let mut memory = Memory::default();
        loop {
            let Some(snapshot) = self.patient_look(index, &step, &mut memory, started).await? else { continue };
            let reasons = match make_plan(&self.plan.goal, &snapshot, self.plan.origin.clone(), self.policy) {
                Ok(plan) => return self.follow(plan, why).await,
                Err(Refusal::Nothing(_)) => {
                    let plan = Plan { steps: Vec::new(), ..self.plan.clone() };
                    return self.follow(plan, why).await;
                }
                Err(Refusal::Unsafe(reasons)) => reasons,
            };
            if reasons.iter().any(|reason| !reason.may_pass()) {
                let told: Vec<String> = reasons.iter().map(ToString::to_string).collect();
                return Err(Stop::human(&step, told.join("; "), reasons));
            }
            let first = reasons.first().map(ToString::to_string).unwrap_or_default();
            self.wait(index, &step, &mut memory, first, POLL, started).await?;
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
