//! # What it does
//! Lets commits wait for nobody again, as before the operation, on every member whose configuration has the rule of the
//! duration.
//! # Safe to repeat because
//! Only a rule with that mark is taken back, and one that is taken back is gone.
//! # Undo
//! Nothing to undo.
//! # Gives up when
//! The engine refused three times, or the step's deadline passes.

use stateful_safety::Synchrony;

use crate::Look;
use crate::steps::Standing;

pub(super) fn standing(look: &Look) -> Standing {
    match look.assessment.synchrony {
        Synchrony::ForTheDuration | Synchrony::LeftBehind => Standing::Open,
        Synchrony::Asynchronous | Synchrony::Declared => Standing::Settled,
        Synchrony::Unknown => Standing::Acted("whom commits wait for is not known".to_owned()),
    }
}
