//! What one rule concluded about one request: the response, and what the router records of it.

use stateful_safety::Reason;

use super::guarded_pod::{GuardedPod, RemovalKind};
use crate::admission::response::{AdmissionResponse, Decision};

/// What came of one rule, as metrics and logs name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuleOutcome {
    /// The rule had nothing to object, or the request was not the guard's concern.
    Passed,
    /// The judge found the removal safe.
    Allowed,
    /// The rule changed the object.
    Changed,
    /// The rule let the request pass with a warning.
    Warned,
    /// The rule denied the request.
    Refused,
    /// The judge would refuse; the policy's mode is Audit.
    Audited,
    /// The pod bears a valid approval.
    Approved,
    /// A policy exempts the user.
    Exempt,
}

/// The result of one rule.
pub(crate) struct Evaluation {
    /// What the API server is answered.
    pub(crate) response: AdmissionResponse,
    /// What is counted.
    pub(crate) outcome: RuleOutcome,
    /// The code of the first reason against the request; empty when there is none.
    pub(crate) reason: String,
    /// The decision about a member, which is logged and published as an Event as well.
    pub(crate) decision: Option<PodDecision>,
}

/// A decision about a member of a guarded database.
pub(crate) struct PodDecision {
    /// The member.
    pub(crate) pod: GuardedPod,
    /// How it would be removed.
    pub(crate) kind: RemovalKind,
    /// Every reason against the removal.
    pub(crate) reasons: Vec<Reason>,
}

impl RuleOutcome {
    /// The word in metrics and logs.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Allowed => "allowed",
            Self::Changed => "changed",
            Self::Warned => "warned",
            Self::Refused => "refused",
            Self::Audited => "audited",
            Self::Approved => "approved",
            Self::Exempt => "exempt",
        }
    }
}

impl Evaluation {
    /// The removal is not judged, whether the response lets it pass or asks the caller to come back.
    pub(crate) fn not_judged(response: AdmissionResponse) -> Self {
        Self { response, outcome: RuleOutcome::Passed, reason: String::new(), decision: None }
    }

    /// A member was judged.
    pub(crate) fn of_member(response: AdmissionResponse, outcome: RuleOutcome, decision: PodDecision) -> Self {
        let reason = decision.reasons.first().map(|reason| reason.code().to_owned()).unwrap_or_default();
        Self { response, outcome, reason, decision: Some(decision) }
    }

    /// A rule about objects or nodes answered: its outcome can be read from the response.
    pub(crate) fn of_response(response: AdmissionResponse) -> Self {
        let (outcome, reason) = match &response.decision {
            Decision::Refuse(denial) => {
                (RuleOutcome::Refused, denial.causes.first().map(|cause| cause.code.clone()).unwrap_or_default())
            }
            Decision::Change(_) => (RuleOutcome::Changed, String::new()),
            Decision::Allow if !response.warnings.is_empty() => (RuleOutcome::Warned, String::new()),
            Decision::Allow => (RuleOutcome::Passed, String::new()),
        };
        Self { response, outcome, reason, decision: None }
    }
}
