//! The rules: a file each, and a row each in [`RULES`]. A rule's file says what it stops, why a budget is not enough, how
//! `kubectl drain` takes its answer, and how to pass.

mod budget;
mod cordon;
mod deletion;
mod eviction;
mod object_rules;
mod stateful_set;
mod storage_class;
mod volume;
mod volume_claim;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;

use stateful_cluster::inventory::Model;

use crate::admission::request::{AdmissionRequest, Operation};
use crate::admission::response::AdmissionResponse;
use crate::evaluation::cordon_context::NodeRule;
use crate::evaluation::guarded_pod::{PodLookup, RemovalKind};

/// A rule of the guard. `docs/guard.md` has a row for each, in the same order.
pub(crate) struct Rule {
    /// Its name: in metrics, logs and the documentation.
    pub(crate) name: &'static str,
    /// Which of the API server's two calls it answers.
    pub(crate) webhook: WebhookKind,
    /// The operations and the resource it is about.
    pub(crate) about: (&'static [Operation], &'static str),
    /// What it decides on, and how.
    pub(crate) evaluate: Evaluate,
}

/// The API server calls webhooks twice: first those that may change the object, then, when it is final, those that may
/// refuse it. A rule answers one of the two calls: a change would be an error in the second, and a refusal in the first
/// would judge an object that other webhooks still change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WebhookKind {
    /// The rule may change the object.
    Mutate,
    /// The rule may refuse, or warn.
    Validate,
}

/// What a rule decides on. Every function here is pure: it reads the cache and changes nothing.
#[derive(Clone, Copy)]
pub(crate) enum Evaluate {
    /// On the objects alone.
    Object(fn(&AdmissionRequest, &Model) -> AdmissionResponse),
    /// On a pod: the rule finds it, the judge decides, and a permission is reserved.
    Pod(RemovalKind, fn(&AdmissionRequest, &Model) -> PodLookup),
    /// On the members that run on a node.
    Node(NodeRule),
}

impl Rule {
    /// Whether it answers this request in this call.
    pub(crate) fn applies_to(&self, request: &AdmissionRequest, webhook: WebhookKind) -> bool {
        let (operations, resource) = self.about;
        self.webhook == webhook && operations.contains(&request.operation) && resource == request.resource
    }
}

/// Every rule. The router evaluates those that apply to a request in this order, and the first denial ends it.
pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "eviction",
        webhook: WebhookKind::Validate,
        about: (&[Operation::Create], "pods/eviction"),
        evaluate: Evaluate::Pod(RemovalKind::Eviction, eviction::find),
    },
    Rule {
        name: "deletion",
        webhook: WebhookKind::Validate,
        about: (&[Operation::Delete], "pods"),
        evaluate: Evaluate::Pod(RemovalKind::Deletion, deletion::find),
    },
    Rule {
        name: "cordon",
        webhook: WebhookKind::Validate,
        about: (&[Operation::Update], "nodes"),
        evaluate: Evaluate::Node(cordon::evaluate),
    },
    Rule {
        name: "budget",
        webhook: WebhookKind::Validate,
        about: (&[Operation::Create, Operation::Update], "poddisruptionbudgets"),
        evaluate: Evaluate::Object(budget::evaluate),
    },
    Rule {
        name: "stateful-set",
        webhook: WebhookKind::Validate,
        about: (&[Operation::Create, Operation::Update, Operation::Delete], "statefulsets"),
        evaluate: Evaluate::Object(stateful_set::evaluate),
    },
    Rule {
        name: "stateful-set-retain",
        webhook: WebhookKind::Mutate,
        about: (&[Operation::Create, Operation::Update], "statefulsets"),
        evaluate: Evaluate::Object(stateful_set::retain),
    },
    Rule {
        name: "claim",
        webhook: WebhookKind::Validate,
        about: (&[Operation::Delete], "persistentvolumeclaims"),
        evaluate: Evaluate::Object(volume_claim::evaluate),
    },
    Rule {
        name: "volume",
        webhook: WebhookKind::Validate,
        about: (&[Operation::Update], "persistentvolumes"),
        evaluate: Evaluate::Object(volume::evaluate),
    },
    Rule {
        name: "volume-retain",
        webhook: WebhookKind::Mutate,
        about: (&[Operation::Create], "persistentvolumes"),
        evaluate: Evaluate::Object(volume::retain),
    },
    Rule {
        name: "storage-class",
        webhook: WebhookKind::Mutate,
        about: (&[Operation::Create], "storageclasses"),
        evaluate: Evaluate::Object(storage_class::evaluate),
    },
];
