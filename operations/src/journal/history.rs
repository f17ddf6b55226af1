//! THINK. Reads a journal's lines back.

use stateful_engines::Ledger;
use stateful_safety::Millis;

use super::{Event, Line, State};
use crate::Plan;
use crate::steps::{Step, StepKind};

/// An operation, as its journal describes it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The operation's identifier.
    pub id: String,
    /// The verb the user typed.
    pub verb: String,
    /// Who began it.
    pub by: String,
    /// When it began.
    pub began: Millis,
    /// When the last line was written.
    pub last: Millis,
    /// How far it is.
    pub state: State,
    /// Why it stopped, or who ended it.
    pub note: Option<String>,
    /// The plan it began with.
    pub plan: Plan,
    /// The plan it follows now.
    pub current: Plan,
    /// Steps done, under all plans it followed.
    pub done: usize,
    /// The switchover that it began last and of which no line says how it ended. The group may have no primary since.
    pub open_switchover: Option<Step>,
    /// What the canary saw.
    pub canary: Option<Ledger>,
}

/// Reads the lines of a journal. A line this version cannot read, or that cannot follow, makes the journal unusable:
/// a newer version may have written it.
pub fn read(id: &str, lines: &[String]) -> Result<Entry, String> {
    let mut entry: Option<Entry> = None;
    for (number, text) in lines.iter().enumerate() {
        let event: Event =
            serde_json::from_str(text).map_err(|error| format!("line {} cannot be read: {error}", number + 1))?;
        let state = State::next(entry.as_ref().map(|entry| entry.state), &event.what)?;
        entry = Some(apply(id, entry, state, event)?);
    }
    entry.ok_or_else(|| "it is empty".to_owned())
}

fn apply(id: &str, entry: Option<Entry>, state: State, event: Event) -> Result<Entry, String> {
    let Event { at, what } = event;
    let Some(mut entry) = entry else {
        let Line::Opened { verb, by, tool: _, plan } = what else {
            return Err("it does not open with a plan".to_owned());
        };
        let plan = checked(plan)?;
        let id = id.to_owned();
        let current = plan.clone();
        return Ok(Entry {
            id,
            verb,
            by,
            began: at,
            last: at,
            state,
            note: None,
            plan,
            current,
            done: 0,
            open_switchover: None,
            canary: None,
        });
    };
    entry.state = state;
    entry.last = at;
    match what {
        Line::Opened { .. } => {}
        Line::Acting { step, .. } => {
            if let Some(step) = switchover(&entry.current, step) {
                entry.open_switchover = Some(step);
            }
        }
        Line::Replanned { plan, .. } => {
            entry.current = checked(plan)?;
            // Any other plan is made from a snapshot on which every group has a primary.
            if !entry.current.steps.iter().any(|step| step.kind() == StepKind::FinishSwitchover) {
                entry.open_switchover = None;
            }
            entry.note = None;
        }
        Line::Done { step, .. } => {
            entry.done += 1;
            if switchover(&entry.current, step).is_some() {
                entry.open_switchover = None;
            }
        }
        Line::Stopped { why } => entry.note = Some(why),
        Line::Finished { canary } => entry.canary = canary,
        Line::Aborted { by } => entry.note = Some(format!("ended by {by}")),
    }
    Ok(entry)
}

/// The step of a plan at that place, if it is about a switchover.
fn switchover(plan: &Plan, step: usize) -> Option<Step> {
    plan.steps.get(step).filter(|step| step.moved_role().is_some()).cloned()
}

/// A plan of another format may mean what this version does not know of.
fn checked(plan: Plan) -> Result<Plan, String> {
    if plan.format == Plan::FORMAT {
        Ok(plan)
    } else {
        Err(format!("its plan is of format {}, this version reads {}", plan.format, Plan::FORMAT))
    }
}
