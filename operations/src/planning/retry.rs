//! The one planning loop: observes until a plan can be made. Used before a new operation, when one is resumed, and when the
//! roles have moved while one runs; they differ in how long they wait and where they report it ([`Pace`]).

use stateful_engines::BoxFuture;
use stateful_safety::Reason;

use super::Refusal;
use crate::{Plan, Snapshot};

/// How a caller of the loop observes and waits.
pub(crate) trait Pace {
    /// What ends the loop early.
    type Error;

    /// LOOK. `None` where the API server did not answer and it is worth another attempt.
    fn observe(&mut self) -> BoxFuture<'_, Result<Option<Snapshot>, Self::Error>>;

    /// Waits a moment because of these reasons, each of which may pass by itself. `false` gives up.
    fn wait<'w>(&'w mut self, reasons: &'w [Reason]) -> BoxFuture<'w, Result<bool, Self::Error>>;
}

/// Observes and plans until there is a plan, nothing to do, a reason that does not pass by itself, or no patience left.
pub(crate) async fn plan_when_possible<P: Pace>(
    pace: &mut P,
    attempt: impl Fn(&Snapshot) -> Result<Plan, Refusal>,
) -> Result<(Result<Plan, Refusal>, Snapshot), P::Error> {
    loop {
        let Some(snapshot) = pace.observe().await? else { continue };
        let answer = attempt(&snapshot);
        let waits = match &answer {
            Err(Refusal::Unsafe(reasons)) if reasons.iter().all(Reason::may_pass) => pace.wait(reasons).await?,
            Err(Refusal::Unsafe(_) | Refusal::Nothing(_)) | Ok(_) => false,
        };
        if !waits {
            return Ok((answer, snapshot));
        }
    }
}
