//! THINK. Visits every state that a model can reach, breadth first, and checks three things: no state breaks a rule, each state has
//! a way forward, and each path to a mistake is told with the fewest steps.
//!
//! A [`Model`] is a small world around functions that decide in production: servers, a network, clocks, and processes that
//! die or come too late. Its own code is only the world. What is decided in it, the production function decides.
//!
//! "A way forward" is: from each state, a state in which all is well can be reached by steps that happen of themselves or that the
//! user is told to take ([`Kind::Progress`]). No fault is needed for it, and none that happened stands in its way for ever.

mod counterexample;
mod search;

pub use counterexample::{Counterexample, Wrong};
pub use search::explore;

use std::fmt::Debug;
use std::hash::Hash;

/// A world, and what may happen in it.
pub trait Model {
    /// All that there is to know of the world at one moment.
    type State: Clone + Eq + Hash + Debug;

    /// Where the world begins.
    fn initial(&self) -> Vec<Self::State>;

    /// All that may happen next.
    fn steps(&self, state: &Self::State) -> Vec<Step<Self::State>>;

    /// The rule that a state breaks.
    fn broken_rule(&self, state: &Self::State) -> Option<&'static str>;

    /// Whether all is well: nothing is left to do.
    fn is_settled(&self, state: &Self::State) -> bool;
}

/// Something that happens.
#[derive(Debug, Clone)]
pub struct Step<S> {
    /// Who does it, or to whom it happens.
    pub who: &'static str,
    /// What happens.
    pub what: &'static str,
    /// Whether it is a way forward.
    pub kind: Kind,
    /// The world afterwards.
    pub next: S,
}

impl<S> Step<S> {
    /// A step that happens of itself, or that the user is told to take.
    pub const fn progress(who: &'static str, what: &'static str, next: S) -> Self {
        Self { who, what, kind: Kind::Progress, next }
    }

    /// A step that cannot be counted on.
    pub const fn fault(who: &'static str, what: &'static str, next: S) -> Self {
        Self { who, what, kind: Kind::Fault, next }
    }
}

/// Whether a step is a way forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It happens of itself, or the user is told to take it.
    Progress,
    /// It may happen, and cannot be counted on.
    Fault,
}

/// What was visited, when nothing was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explored {
    /// Different states.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// The number of steps to the state farthest from the beginning.
    pub depth: usize,
}
