//! The rules, a file each. A rule says what it stops, why a budget is not enough, how `kubectl drain` takes its
//! answer, and how to pass.

mod budget;
pub(crate) mod cordon;
pub(crate) mod deletion;
pub(crate) mod eviction;
mod object_rules;
mod stateful_set;
mod storage_class;
mod volume;
mod volume_claim;

#[cfg(test)]
pub(crate) mod fixtures;

use stateful_cluster::Model;

use crate::admission_request::{Attempt, Operation};
use crate::admission_response::Answer;

/// A rule that is decided on the objects alone.
pub(crate) struct StaticRule {
    /// Its name: in metrics, logs, the documentation, and the path the API server calls.
    pub(crate) name: &'static str,
    /// At which of the API server's two doors it answers.
    pub(crate) door: Door,
    /// The operations and the resource it is about.
    pub(crate) about: (&'static [Operation], &'static str),
    /// Decides. Pure: reads what is remembered, changes nothing.
    pub(crate) decide: fn(&Attempt, &Model) -> Answer,
}

impl StaticRule {
    /// Whether it answers an attempt at a door.
    pub(crate) fn is_about(&self, attempt: &Attempt, door: Door) -> bool {
        let (operations, resource) = self.about;
        self.door == door && operations.contains(&attempt.operation) && resource == attempt.resource
    }
}

/// The API server asks twice: first whoever may change the object, then, when it is final, whoever may refuse it. A rule
/// answers at one of them: a change would be an error at the second, and a refusal at the first judges half an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// It may change what is declared, and says so.
    Mutate,
    /// It refuses, or warns.
    Validate,
}

/// The rules decided on the objects alone. Each is asked about every attempt it is about, at its door.
pub(crate) const STATIC_RULES: &[StaticRule] = &[
    StaticRule {
        name: "budget",
        door: Door::Validate,
        about: (&[Operation::Create, Operation::Update], "poddisruptionbudgets"),
        decide: budget::decide,
    },
    StaticRule {
        name: "stateful-set",
        door: Door::Validate,
        about: (&[Operation::Create, Operation::Update, Operation::Delete], "statefulsets"),
        decide: stateful_set::decide,
    },
    StaticRule {
        name: "stateful-set-retain",
        door: Door::Mutate,
        about: (&[Operation::Create, Operation::Update], "statefulsets"),
        decide: stateful_set::retain,
    },
    StaticRule {
        name: "claim",
        door: Door::Validate,
        about: (&[Operation::Delete], "persistentvolumeclaims"),
        decide: volume_claim::decide,
    },
    StaticRule {
        name: "volume",
        door: Door::Validate,
        about: (&[Operation::Update], "persistentvolumes"),
        decide: volume::decide,
    },
    StaticRule {
        name: "volume-retain",
        door: Door::Mutate,
        about: (&[Operation::Create], "persistentvolumes"),
        decide: volume::retain,
    },
    StaticRule {
        name: "storage-class",
        door: Door::Mutate,
        about: (&[Operation::Create], "storageclasses"),
        decide: storage_class::decide,
    },
];
