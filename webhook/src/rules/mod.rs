//! The rules, a file each. A rule says what it stops, why a budget is not enough, how `kubectl drain` takes its
//! answer, and how to pass.

pub(crate) mod deletion;
pub(crate) mod eviction;

use stateful_cluster::Model;

use crate::answer::Answer;
use crate::attempt::{Attempt, Operation};

/// A rule that is decided on the objects alone.
pub(crate) struct StaticRule {
    /// Its name: in metrics, logs, the documentation, and the path the API server calls.
    pub(crate) name: &'static str,
    /// The operations and the resource it is about.
    pub(crate) about: (&'static [Operation], &'static str),
    /// Decides. Pure: reads what is remembered, changes nothing.
    pub(crate) decide: fn(&Attempt, &Model) -> Answer,
}

/// The rules decided on the objects alone. Each is asked about every attempt it is about.
pub(crate) const STATIC_RULES: &[StaticRule] = &[];

impl StaticRule {
    /// Whether it is about an attempt.
    pub(crate) fn is_about(&self, attempt: &Attempt) -> bool {
        let (operations, resource) = self.about;
        operations.contains(&attempt.operation) && resource == attempt.resource
    }
}
