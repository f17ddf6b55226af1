//! # What it does
//! Lets commits wait for one of the standbys where they wait for nobody, before anybody is touched: whichever server dies
//! suddenly while members are away, no acknowledged write is lost with it.
//! # Safe to repeat because
//! A rule set twice is set, and it is known by its own mark.
//! # Undo
//! The plan's last row, and `abort`.
//! # Gives up when
//! The engine refused three times, or the step's deadline passes. Where no standby has the writes it is put back at once.

use stateful_safety::Synchrony;

use crate::Look;
use crate::steps::Standing;

pub(super) fn standing(look: &Look) -> Standing {
    match look.assessment.synchrony {
        Synchrony::Asynchronous | Synchrony::LeftBehind => Standing::Open,
        // Whoever has set a rule of their own meanwhile has done as much.
        Synchrony::ForTheDuration | Synchrony::Declared => Standing::Settled,
        Synchrony::Unknown => Standing::Acted("whom commits wait for is not known".to_owned()),
    }
}
