//! What the guard answers to an admission request.

use std::collections::BTreeMap;

use json_patch::Patch;

/// The answer to an admission request.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct AdmissionResponse {
    pub(crate) decision: Decision,
    /// Shown to the caller, whatever the decision.
    pub(crate) warnings: Vec<String>,
    /// Written into the API server's audit log.
    pub(crate) audit: BTreeMap<&'static str, String>,
}

/// Yes, yes with a change, or no.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Decision {
    /// Let the request pass.
    #[default]
    Allow,
    /// Let the request pass with these changes to its object.
    Change(Patch),
    /// Deny the request.
    Refuse(Denial),
}

/// A denial that its reader can act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denial {
    /// The HTTP status, which decides what the caller does next.
    pub(crate) code: DenialCode,
    /// One line: what, why with number and limit, which command to type next.
    pub(crate) message: String,
    /// Every reason, for programs.
    pub(crate) causes: Vec<Cause>,
}

/// A reason, for programs: `status.details.causes[]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    /// The reason's stable code: `STF-DB-006`.
    pub(crate) code: String,
    /// The reason in words.
    pub(crate) message: String,
}

/// The HTTP status of a denial, chosen by what callers do with it (`docs/guard.md`, "What drainers do").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DenialCode {
    /// 429: not now. `kubectl drain`, AKS and the autoscalers try again.
    NotNow,
    /// 404: the pod that was meant no longer exists. Drainers count it as done.
    Gone,
    /// 403: waiting does not help. `kubectl drain` does not try again.
    Never,
}

impl DenialCode {
    /// The status code and the API's reason word.
    pub(crate) const fn words(self) -> (u16, &'static str) {
        match self {
            Self::NotNow => (429, "TooManyRequests"),
            Self::Gone => (404, "NotFound"),
            Self::Never => (403, "Forbidden"),
        }
    }
}

impl AdmissionResponse {
    /// Lets the request pass.
    pub(crate) fn allow() -> Self {
        Self::default()
    }

    /// Lets the request pass with changes.
    pub(crate) fn change(patch: Patch) -> Self {
        Self { decision: Decision::Change(patch), ..Self::default() }
    }

    /// Denies the request.
    pub(crate) fn refuse(code: DenialCode, message: impl Into<String>, causes: Vec<Cause>) -> Self {
        Self { decision: Decision::Refuse(Denial { code, message: message.into(), causes }), ..Self::default() }
    }

    /// The same response with an entry for the audit log.
    pub(crate) fn with_audit(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.audit.insert(key, value.into());
        self
    }

    /// Adds the response of another rule to this one: warnings and audit entries add up, the first denial counts alone.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        match other.decision {
            Decision::Refuse(_) => return other,
            Decision::Change(_) => self.decision = other.decision,
            Decision::Allow => {}
        }
        self.warnings.extend(other.warnings);
        self.audit.extend(other.audit);
        self
    }

    /// Whether the request is denied.
    pub(crate) const fn is_denied(&self) -> bool {
        matches!(self.decision, Decision::Refuse(_))
    }
}
