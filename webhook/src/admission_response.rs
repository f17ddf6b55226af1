//! What the guard answers.

use std::collections::BTreeMap;

use json_patch::Patch;

/// An answer to an attempt.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Answer {
    /// Yes, yes with changes, or no.
    pub(crate) decision: Decision,
    /// Told to whoever asked, whatever the decision.
    pub(crate) warnings: Vec<String>,
    /// Written into the API server's audit log.
    pub(crate) audit: BTreeMap<&'static str, String>,
}

/// Yes or no.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Decision {
    /// Let it pass.
    #[default]
    Allow,
    /// Let it pass, changed.
    Change(Patch),
    /// Refuse it.
    Refuse(Refusal),
}

/// A refusal somebody can act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// How callers take it.
    pub(crate) code: Code,
    /// One line: what, why with number and limit, what to type.
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

/// The HTTP status of a refusal, by what callers do with it (`docs/guard.md`, "What drainers do").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// 429: not now. `kubectl drain`, AKS and the autoscalers ask again.
    NotNow,
    /// 404: what is meant is not there any more. Drainers count it as done.
    Gone,
    /// 403: not like this. Nobody asks again.
    Never,
}

impl Code {
    /// Status code and the API's reason word.
    pub(crate) const fn words(self) -> (u16, &'static str) {
        match self {
            Self::NotNow => (429, "TooManyRequests"),
            Self::Gone => (404, "NotFound"),
            Self::Never => (403, "Forbidden"),
        }
    }
}

impl Answer {
    /// Let it pass.
    pub(crate) fn allow() -> Self {
        Self::default()
    }

    /// Let it pass, changed.
    pub(crate) fn change(patch: Patch) -> Self {
        Self { decision: Decision::Change(patch), ..Self::default() }
    }

    /// Refuse it.
    pub(crate) fn refuse(code: Code, message: impl Into<String>, causes: Vec<Cause>) -> Self {
        Self { decision: Decision::Refuse(Refusal { code, message: message.into(), causes }), ..Self::default() }
    }

    /// The same, with a word for the audit log.
    pub(crate) fn noting(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.audit.insert(key, value.into());
        self
    }
}
