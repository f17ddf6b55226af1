//! LOOK, then THINK. How a session comes to a plan: for a new operation, at once, or for what is left of an operation.

use std::time::Duration;

use stateful_safety::Reason;

use super::pace::SessionPace;
use super::{NotSafe, Session, SessionError};
use crate::journal::Entry;
use crate::planning::retry::plan_when_possible;
use crate::{Goal, Origin, Plan, Refusal, Snapshot, draft_plan, make_plan, plan_remaining};

/// What came of an attempt to plan.
#[derive(Debug)]
pub enum Planned {
    /// A plan, and the snapshot it was made from.
    Plan(Box<(Plan, Snapshot)>),
    /// The goal is reached already; how that is said.
    Nothing(String),
}

impl Session<'_> {
    /// LOOK, then THINK. Plans a new operation, waiting for reasons against it that pass by themselves.
    ///
    /// # Errors
    /// [`SessionError::NotSafe`] with every reason; [`SessionError::Interrupted`]; or the world cannot be observed.
    pub async fn plan(&self, goal: &Goal) -> Result<Planned, SessionError> {
        let attempt = |snapshot: &Snapshot| make_plan(goal, snapshot, Origin::of(snapshot), self.policy);
        let describe = |reason: &Reason| format!("giving it a moment: {reason}");
        let mut pace = SessionPace {
            session: self,
            patience: self.patience.new_plan,
            describe: &describe,
            first_only: true,
            ..self.pace()
        };
        let (answer, snapshot) = plan_when_possible(&mut pace, attempt).await?;
        answered(answer, snapshot, goal)
    }

    /// THINK. One attempt at a plan from a snapshot that is at hand.
    ///
    /// # Errors
    /// [`SessionError::NotSafe`] with every reason.
    pub fn plan_at_once(&self, goal: &Goal, snapshot: Snapshot) -> Result<Planned, SessionError> {
        let answer = make_plan(goal, &snapshot, Origin::of(&snapshot), self.policy);
        answered(answer, snapshot, goal)
    }

    /// LOOK, then THINK. Plans what is left of an operation towards a goal, waiting for members that are still coming back.
    /// `resumed` is the unfinished operation, if it is one: it may have died in the middle of a switchover. A plan without
    /// steps is one whose goal is reached.
    ///
    /// # Errors
    /// As [`Session::plan`].
    pub async fn plan_rest(&self, goal: &Goal, origin: &Origin, resumed: Option<&Entry>) -> Result<Plan, SessionError> {
        let attempt = |snapshot: &Snapshot| match resumed {
            Some(entry) => plan_remaining(entry, goal, snapshot, self.policy),
            None => make_plan(goal, snapshot, origin.clone(), self.policy),
        };
        let describe = |reason: &Reason| format!("waiting: {reason} ({})", reason.code());
        let mut pace = SessionPace { session: self, patience: self.patience.rest, describe: &describe, ..self.pace() };
        let (answer, snapshot) = plan_when_possible(&mut pace, attempt).await?;
        match answered(answer, snapshot.clone(), goal)? {
            Planned::Plan(planned) => Ok(planned.0),
            Planned::Nothing(_) => {
                let draft = draft_plan(goal, &snapshot, origin.clone(), self.policy);
                Ok(Plan { steps: Vec::new(), ..draft })
            }
        }
    }

    fn pace(&self) -> SessionPace<'_> {
        SessionPace {
            session: self,
            patience: Duration::ZERO,
            describe: &|_| String::new(),
            first_only: false,
            began: self.world.now(),
            noted: String::new(),
        }
    }
}

fn answered(answer: Result<Plan, Refusal>, snapshot: Snapshot, goal: &Goal) -> Result<Planned, SessionError> {
    match answer {
        Ok(plan) => Ok(Planned::Plan(Box::new((plan, snapshot)))),
        Err(Refusal::Nothing(why)) => Ok(Planned::Nothing(why)),
        Err(refusal @ Refusal::Unsafe(_)) => Err(refused(refusal, snapshot, goal)),
    }
}

pub(super) fn refused(refusal: Refusal, snapshot: Snapshot, goal: &Goal) -> SessionError {
    let reasons = match refusal {
        Refusal::Unsafe(reasons) => reasons,
        Refusal::Nothing(_) => Vec::new(),
    };
    SessionError::NotSafe(Box::new(NotSafe { goal: goal.clone(), snapshot, reasons }))
}
