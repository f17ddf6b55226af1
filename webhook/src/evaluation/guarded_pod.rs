//! The pod that a request removes, and how it removes it.

use std::sync::Arc;

use stateful_cluster::inventory::{PodFacts, SetFacts};

/// A pod of a guarded database, with the StatefulSet it belongs to.
pub(crate) struct GuardedPod {
    pub(crate) set: Arc<SetFacts>,
    pub(crate) pod: Arc<PodFacts>,
}

/// How a request removes a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RemovalKind {
    Eviction,
    Deletion,
}

impl RemovalKind {
    /// The name of the rule that evaluates it, in metrics and logs.
    pub(crate) const fn rule(self) -> &'static str {
        match self {
            Self::Eviction => "eviction",
            Self::Deletion => "deletion",
        }
    }

    /// For "the pod may not be …".
    pub(crate) const fn participle(self) -> &'static str {
        match self {
            Self::Eviction => "evicted",
            Self::Deletion => "deleted",
        }
    }
}

/// What a pod rule found in the cache about the pod of a request.
pub(crate) enum PodLookup {
    /// The removal is not the guard's concern, for this reason.
    Pass(&'static str),
    /// The pod that the request meant has moved to another node; the new pod of the same name is not meant.
    Moved,
    /// The cache has no such pod.
    NotCached,
    /// The pod is a member of a guarded database: the judge decides.
    Member(GuardedPod),
}
