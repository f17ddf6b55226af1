//! THINK. A person's word that a pod may be taken away though the guard would refuse it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An approval, as it is kept in the pod's annotation `kubectl-stateful.dev/approval`. It is bound to the pod's UID, so
/// that neither a template nor the pod's successor can inherit it, and it ends by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The pod's UID.
    pub uid: String,
    /// It ends then.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
    /// Who, as they called themselves; the API server's audit log knows better.
    pub by: String,
}

impl Approval {
    /// Reads an annotation's text; `None` when it is no approval.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Whether it holds for a pod now.
    pub fn is_valid(&self, uid: &str, now: Timestamp) -> bool {
        self.uid == uid && now < self.until
    }
}
